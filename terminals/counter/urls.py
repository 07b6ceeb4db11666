"""The addresses of the counter's page."""

from django.urls import path

from terminals.counter import answers, charge, entry, exchange, link, order, passkeys, receipt, refund, search

urlpatterns = [
    path("", search.find, name="counter"),
    path("pair", entry.pair, name="counter_pair"),
    path("sign-in", entry.sign_in, name="counter_sign_in"),
    path("first-code", entry.first_code, name="counter_first_code"),
    path("passkey", passkeys.sign_in, name="counter_passkey"),
    path("passkey/ask", passkeys.ask, name="counter_passkey_ask"),
    path("passkeys", passkeys.own, name="counter_passkeys"),
    path("passkeys/ask", passkeys.ask_new, name="counter_passkeys_ask"),
    path("passkeys/remove", passkeys.remove, name="counter_passkeys_remove"),
    path("sign-out", entry.sign_out, name="counter_sign_out"),
    path("answers/<str:token>", answers.show, name="counter_answer"),
    path("language", entry.language, name="counter_language"),
    path("orders/<str:order_id>", order.show, name="counter_order"),
    path("orders/<str:order_id>/refund", refund.ask, name="counter_refund"),
    path("orders/<str:order_id>/exchange", exchange.ask, name="counter_exchange"),
    path("orders/<str:order_id>/link", link.of_order, name="counter_order_link"),
    path("refunds/<str:refund_id>", refund.watch, name="counter_refunded"),
    path("link", link.new, name="counter_link"),
    path("links/<str:link_id>", link.watch, name="counter_linked"),
    path("links/<str:link_id>/cancel", link.cancel, name="counter_link_cancel"),
    path("pay", charge.new, name="counter_pay"),
    path("orders/<str:order_id>/pay", charge.of_order, name="counter_order_pay"),
    path("actions/<str:action_id>", charge.watch, name="counter_action"),
    path("actions/<str:action_id>/abort", charge.abort, name="counter_action_abort"),
    path("actions/<str:action_id>/ask", charge.ask_again, name="counter_action_ask"),
    path("actions/<str:action_id>/again", charge.again, name="counter_action_again"),
    path("receipts/<str:object_id>", receipt.show, name="counter_receipt"),
    path("receipts/<str:object_id>/mail", receipt.mail, name="counter_receipt_mail"),
    path("receipts/<str:object_id>/pdf", receipt.pdf, name="counter_receipt_pdf"),
]
