"""Nothing that requests share is changed while one is answered.

Threads serve several people at once from the same classes and modules: what one request sets there, another reads.
What the rules below find is a defect, unless it stands in `REVIEWED` with the reason why it is none.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final, TypeGuard

import pytest

from tests.test_architecture import called, modules, tree

# Of the class, and so of everybody; a form's own fields are in `self.fields`.
CLASS_FIELDS: Final = {"base_fields", "declared_fields", "_declared_fields"}
MUTATORS: Final = {
    *("append", "extend", "insert", "remove", "clear", "pop", "popitem", "update", "setdefault", "add", "discard"),
    *("sort", "reverse", "appendleft", "popleft", "move_to_end"),
}
MAKES_MUTABLE: Final = {"dict", "list", "set", "defaultdict", "deque", "OrderedDict", "Counter", "WeakValueDictionary"}
# One instance serves all requests: Django's admin makes one of each, and registries keep one of each translator.
SHARED_INSTANCES: Final = ("Admin", "Site", "Provider", "Inline")

REVIEWED: Final = {
    "payments/admin/base/read_only_admin.py:cls.page_actions of a class": "Added to while the pages are registered.",
    "reconciliation/admin/matching_rule_forms.py:base_fields": "Only read: the names and labels of the columns.",
    "payments/api/inputs.py:SCHEMAS": "Filled while the views are loaded, before any request.",
    "payments/api/inputs.py:_READERS": "Filled while the views are loaded, before any request.",
    "payments/api/openapi.py:_QUERIES": "Filled while the views are loaded, before any request.",
    "payments/api/json_schema.py:_FORMS": "Filled while the views are loaded, before any request.",
    "payments/api/schemas.py:COMPONENTS": "Filled while the views are loaded, before any request.",
    "payments/runtime/task_queue.py:_resting_until": "A moment until which no broker is asked; of nobody, and late is harmless.",
    "payments/runtime/wake_up.py:_resting_until": "A moment until which nobody is woken; of nobody, and late is harmless.",
    "payments/runtime/waiting.py:_bells": "Who waits, by event loop; each loop has one thread, and touches its own alone.",
    "payments/core/ids.py:_last": "The last id's moment, changed under a lock.",
    "payments/core/ids.py:_moment": "The clock of ids, changed under a lock.",
    "payments/ledger/accounts.py:_remembered": "Numbers of accounts by place, which never change; one write is whole.",
    "payments/people/services/api_keys.py:_remembered": "Keys by their hash for two seconds, changed under a lock.",
    "terminals/services/authenticate.py:_remembered": "Keys of devices by id; the locked row has the last word.",
    "payments/runtime/fail_points.py:_strike": "Armed by tests of crashes, in processes of their own.",
    "payments/object_index.py:_tables": "Filled while the apps are loaded, before any request.",
}
# What is remembered is the same for everybody: clients of servers, what settings name, ciphers and keys by their text,
# statements by their table, the fields of an input.
CACHES: Final = {
    "config/observability/components.py:_migrations",
    "config/observability/redaction.py:_ours",
    "payments/api/examples.py:examples",
    "payments/api/field_docs.py:_of_module",
    "payments/api/inputs.py:_numbers",
    "payments/core/input_faults.py:described",
    "payments/core/inputs.py:_checks",
    "payments/db/bulk.py:_change",
    "payments/db/bulk.py:_insertion",
    "payments/db/bulk.py:_perhaps_drawn",
    "payments/db/bulk.py:together",
    "payments/core/crypto.py:_ciphers",
    "payments/core/crypto.py:_derived",
    "payments/core/crypto.py:_opened",
    "payments/runtime/task_queue.py:_producers",
    "payments/runtime/throttling.py:client",
    "payments/runtime/wake_up.py:_client",
    "payments/notify/outbound.py:_tls",
    "payments/people/origin.py:network",
    "payments/people/throttled.py:_language",
    "payments/people/throttled.py:_page",
    "payments/providers/adyen/client.py:pooled",
    "payments/providers/mollie/client.py:_client",
    "payments/providers/paynl/client.py:_client",
    "payments/providers/simulator/provider.py:_pooled_client",
    "payments/providers/stripe/client.py:_client",
    "payments/providers/stripe/client.py:_transport",
    "payments/providers/registry.py:_load",
    "reconciliation/formats/camt_elements.py:_path",
    "reconciliation/connectors/http.py:_client",
    "reconciliation/registry.py:_load",
    "reconciliation/registry.py:_load_connector",
    "reconciliation/registry.py:_load_export",
    "reconciliation/registry.py:_load_source",
    "terminals/providers/adyen/connection.py:_local",
    "terminals/providers/adyen/encryption.py:_derived",
    "terminals/providers/registry.py:_load",
    "terminals/providers/simulator.py:_client",
    "terminals/signatures.py:_public_key",
}


def test_no_request_changes_what_others_read() -> None:
    found = {f"{called(path)}:{what}" for path in modules() for what in changes_of_shared(tree(path))}
    assert found - REVIEWED.keys() == set()
    assert REVIEWED.keys() - found == set(), "reviewed, and no longer there"


def test_what_is_remembered_for_all_is_nobodys() -> None:
    found = {f"{called(path)}:{node.name}" for path in modules() for node in cached(tree(path))}
    assert found ^ CACHES == set()


def changes_of_shared(module: ast.Module) -> Iterator[str]:
    """What of a module is changed while it runs: names of its own, of classes, or of an instance that all share."""
    yield from (node.attr for node in ast.walk(module) if is_class_field(node))
    yield from (f"{name} of a class" for name in set_on_classes(module))
    yield from (f"{owner}.{name}" for owner, name in set_on_shared_instances(module))
    yield from changed_names(module)
    yield from (f"{function}'s default" for function in mutable_defaults(module))


def is_class_field(node: ast.AST) -> TypeGuard[ast.Attribute]:
    return isinstance(node, ast.Attribute) and node.attr in CLASS_FIELDS


def targets(node: ast.AST) -> list[ast.expr]:
    match node:
        case ast.Assign(targets=found) | ast.Delete(targets=found):
            return [each for target in found for each in flat(target)]
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target):
            return [target]
    return []


def flat(target: ast.expr) -> list[ast.expr]:
    return [each for one in target.elts for each in flat(one)] if isinstance(target, ast.Tuple | ast.List) else [target]


def set_on_classes(module: ast.Module) -> Iterator[str]:
    """`Form.choices = …`, `cls.choices = …`, `type(self).choices = …`, `self.__class__.choices = …`, in a function."""
    for function in functions(module):
        for node in ast.walk(function):
            changed = [*targets(node), *mutated(node)]
            for target in map(holder, changed):
                if isinstance(target, ast.Attribute) and is_class(target.value):
                    yield ast.unparse(target)


def is_class(node: ast.expr) -> bool:
    match node:
        case ast.Name(id=name):
            return name == "cls" or (name[:1].isupper() and not name.isupper())
        case ast.Attribute(attr="__class__") | ast.Call(func=ast.Name(id="type"), args=[_]):
            return True
    return False


def set_on_shared_instances(module: ast.Module) -> Iterator[tuple[str, str]]:
    for owner in ast.walk(module):
        if not isinstance(owner, ast.ClassDef) or not is_shared(owner):
            continue
        for function in functions(owner):
            if function.name == "__init__":
                continue
            for node in ast.walk(function):
                for target in map(holder, [*targets(node), *mutated(node)]):
                    if isinstance(target, ast.Attribute) and ast.unparse(target.value) == "self":
                        yield owner.name, target.attr


def is_shared(owner: ast.ClassDef) -> bool:
    names = [owner.name, *(ast.unparse(base).rpartition(".")[2] for base in owner.bases)]
    return any(name.endswith(SHARED_INSTANCES) for name in names)


def changed_names(module: ast.Module) -> Iterator[str]:
    """Names of the module that a function rebinds, or whose mutable value it changes."""
    mutable = {name for node in module.body for name in mutable_names(node)}
    for function in functions(module):
        own = {ast.unparse(each) for node in ast.walk(function) for each in targets(node)}
        own |= {argument.arg for argument in ast.walk(function) if isinstance(argument, ast.arg)}
        for node in ast.walk(function):
            if isinstance(node, ast.Global):
                yield from node.names
                continue
            changed = [target.value for target in targets(node) if isinstance(target, ast.Subscript)]
            for target in [*changed, *mutated(node)]:
                name = root(target)
                if name in mutable and name not in own:
                    yield name


def mutable_names(node: ast.stmt) -> list[str]:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    literal = isinstance(value, ast.Dict | ast.List | ast.Set | ast.DictComp | ast.ListComp | ast.SetComp)
    made = isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] in MAKES_MUTABLE
    return [ast.unparse(target) for target in targets(node)] if literal or made else []


def mutated(node: ast.AST) -> list[ast.expr]:
    """What a call of `append` and the like changes."""
    match node:
        case ast.Call(func=ast.Attribute(attr=name, value=value)) if name in MUTATORS:
            return [value]
    return []


def holder(node: ast.expr) -> ast.expr:
    """What holds the item that is set: `x` of `x[1][2]`."""
    return holder(node.value) if isinstance(node, ast.Subscript) else node


def root(node: ast.expr) -> str:
    node = holder(node)
    return node.id if isinstance(node, ast.Name) else ""


def mutable_defaults(module: ast.Module) -> Iterator[str]:
    for function in functions(module):
        defaults = [*function.args.defaults, *(each for each in function.args.kw_defaults if each is not None)]
        if any(isinstance(each, ast.Dict | ast.List | ast.Set) for each in defaults):
            yield function.name


def functions(within: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """The outermost functions; what is defined in one is looked at as a part of it."""
    for node in ast.iter_child_nodes(within):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
        else:
            yield from functions(node)


def cached(module: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for function in functions(module):
        names = {ast.unparse(each).partition("(")[0].rpartition(".")[2] for each in function.decorator_list}
        if names & {"cache", "lru_cache"}:
            yield function


DEFECTS: Final = {
    "base_fields": "def get_form(self, request):\n    form.base_fields['channel'].queryset = own(request)",
    "Page.choices of a class": "def page(request):\n    Page.choices = own(request)",
    "type(self).shown of a class": "def page(self):\n    type(self).shown = own(self)",
    "Page.shown of a class": "def page(self):\n    Page.shown.append(1)",
    "KeyAdmin.request": "class KeyAdmin(ModelAdmin):\n    def view(self, request):\n        self.request = request",
    "_seen": "_seen = {}\ndef page(request):\n    _seen[request.user] = 1",
    "_line": "_line: list[int] = list()\ndef page(request):\n    _line.append(1)",
    "_count": "_count = 0\ndef page(request):\n    global _count\n    _count += 1",
    "page's default": "def page(request, seen=[]):\n    return seen",
}


@pytest.mark.parametrize("name", DEFECTS)
def test_the_rules_find_what_they_are_for(name: str) -> None:
    assert name in set(changes_of_shared(ast.parse(DEFECTS[name])))


def test_the_rules_let_through_what_is_ones_own() -> None:
    own = """
WORDS = {"a": 1}
class Form(Base):
    def __init__(self):
        self.fields["a"].queryset = 1
def page(request):
    found = []
    found.append(WORDS["a"])
    return found
"""
    assert list(changes_of_shared(ast.parse(own))) == []


def test_every_module_is_looked_at() -> None:
    assert Path(__file__).resolve().parents[2] / "payments/admin/setup/api_keys.py" in modules()
