"""What shops and finance see of their terminals; importing a module here registers its pages."""

from terminals.admin import actions as actions
from terminals.admin import counters as counters
from terminals.admin import shifts as shifts
from terminals.admin import terminals as terminals
from terminals.admin import transactions as transactions
