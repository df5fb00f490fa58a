import subprocess
import sys

import pytest

from shotsmith import registry
from shotsmith.clients.vlm import open_model
from shotsmith.clients.vlm.fake import FakeVLM
from shotsmith.clients.vlm.litellm import LiteLLM
from shotsmith.domain.errors import ModelUnavailable, UnknownName
from shotsmith.domain.messages import Message, Reply, Request, TextPart
from shotsmith.domain.protocols import VLM
from shotsmith.retrieval.encoders.fake import FakeEncoder

HELLO = (Message("user", (TextPart("hello"),)),)


def test_built_in_models_register_like_plugins():
    assert {"offline", "fake", "litellm"} <= set(registry.names("vlms"))
    for name in ("offline/knn-vote", "fake/x", "openai/gpt-5-mini"):
        assert isinstance(open_model(name, encoder=FakeEncoder), VLM)


@pytest.mark.parametrize("name", ["openai/gpt-5-mini", "gpt-5-mini", "hosted_vllm/org/model", "offliner/x"])
def test_everything_else_goes_to_litellm(name):
    vlm = open_model(name, api_base="http://localhost/v1")
    assert isinstance(vlm, LiteLLM)
    assert (vlm.model, vlm.api_base) == (name, "http://localhost/v1")


@pytest.mark.parametrize("name", ["offline/gpt", "offline/", "offline"])
def test_unknown_offline_model_names_the_known_ones(name):
    with pytest.raises(UnknownName, match=r"Known: .*offline/knn-vote"):
        open_model(name, encoder=FakeEncoder)


@pytest.mark.parametrize("name", ["", "  "])
def test_no_name_is_refused(name):
    with pytest.raises(UnknownName, match="no model is named"):
        open_model(name)


def test_a_plugin_answers_under_its_own_prefix(monkeypatch):
    opened = {}

    def factory(model, **given):
        opened.update(given, model=model)
        return FakeVLM(["plugged"])

    entries = {**registry._entries("vlms"), "mine": type("Entry", (), {"load": lambda self: factory})()}
    monkeypatch.setattr(registry, "_entries", lambda kind: entries)
    assert open_model("mine/m", api_base="b").complete(Request("mine/m", HELLO)).text == "plugged"
    assert opened == {"model": "mine/m", "api_base": "b", "api_key": None, "encoder": None}


def test_opening_imports_nothing_heavy():
    code = (
        "import sys; from shotsmith.clients.vlm import open_model; open_model('openai/gpt-5-mini'); "
        "print([name for name in ('litellm', 'openai', 'torch', 'onnxruntime') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_fake_answers_what_it_is_named():
    vlm = open_model("fake/a/b")
    assert vlm.complete(Request("fake/a/b", HELLO)) == Reply("a/b", "fake/a/b", cost_usd=0.0)


def test_fake_follows_its_script_and_remembers():
    whole = Reply("whole", "m", cost_usd=1.5)
    vlm = FakeVLM(["one", whole, ModelUnavailable("down")])
    asked = [Request("m", HELLO, {"seed": seed}) for seed in range(4)]
    assert vlm.complete(asked[0]).text == "one"
    assert vlm.complete(asked[1]) is whole
    with pytest.raises(ModelUnavailable, match="down"):
        vlm.complete(asked[2])
    with pytest.raises(ModelUnavailable, match="used up after 3 answers"):
        vlm.complete(asked[3])
    assert vlm.requests == asked


def test_fake_computes_answers():
    vlm = FakeVLM(lambda request: request.model.upper(), model="fake/upper")
    reply = vlm.complete(Request("abc", HELLO))
    assert (reply.text, reply.model) == ("ABC", "fake/upper")
