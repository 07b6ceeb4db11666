"""The addresses of terminals and devices."""

from django.urls import path

from terminals.api import actions, closed_shifts, device, device_actions, exposure, pairing, shifts, terminals, tills

urlpatterns = [
    path("v1/terminal/transactions", device.Transactions.as_view()),
    path("v1/terminal/heartbeat", device.Heartbeat.as_view()),
    path("v1/terminal/shifts", shifts.Shifts.as_view()),
    path("v1/terminal/actions", device_actions.NextAction.as_view()),
    path("v1/terminal/actions/<str:action_id>/ack", device_actions.Acknowledge.as_view()),
    path("v1/terminal/actions/<str:action_id>/result", device_actions.ActionResult.as_view()),
    path("v1/terminal/tills/count", tills.Count.as_view()),
    path("v1/terminal/tills/paid_in", tills.PaidIn.as_view()),
    path("v1/terminal/tills/paid_out", tills.PaidOut.as_view()),
    path("v1/terminal/tills/deposit", tills.Deposit.as_view()),
    path("v1/terminals", terminals.Terminals.as_view()),
    path("v1/terminals/exposure", exposure.OfflineExposure.as_view()),
    path("v1/terminals/pair", pairing.Pair.as_view()),
    path("v1/terminals/shifts", closed_shifts.ClosedShifts.as_view()),
    path("v1/terminals/shifts/<str:shift_id>", closed_shifts.OneShift.as_view()),
    path("v1/terminals/<str:terminal_id>", terminals.OneTerminal.as_view()),
    path("v1/terminals/<str:terminal_id>/unpair", terminals.Unpair.as_view()),
    path("v1/terminals/<str:terminal_id>/revoke", terminals.Revoke.as_view()),
    path("v1/terminals/<str:terminal_id>/actions", actions.Actions.as_view()),
    path("v1/terminals/<str:terminal_id>/actions/<str:action_id>", actions.OneAction.as_view()),
]
