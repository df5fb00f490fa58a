import pytest

from shotsmith.clients.vlm.parameters import SAMPLING, sampling
from shotsmith.domain.errors import InvalidParameter


def test_none_counts_as_unset():
    assert sampling({"temperature": 0.0, "seed": None, "stop": []}) == {"temperature": 0.0, "stop": []}
    assert sampling(dict.fromkeys(("temperature", "anything"))) == {}


@pytest.mark.parametrize(
    "name", ["api_key", "api_base", "base_url", "stream", "messages", "tools", "metadata"]
)
def test_only_sampling_parameters_pass(name):
    assert name not in SAMPLING
    with pytest.raises(InvalidParameter, match="not a sampling parameter") as caught:
        sampling({name: "x"})
    assert caught.value.value == name


@pytest.mark.parametrize("value", [float("inf"), float("nan"), {1, 2}, b"x"])
def test_values_are_json(value):
    with pytest.raises(InvalidParameter, match="not JSON"):
        sampling({"temperature": value})


@pytest.mark.parametrize("extra", [{"model": "dearer"}, {"stream": True}, ["a"], "a"])
def test_extra_body_cannot_change_the_call(extra):
    with pytest.raises(InvalidParameter, match="extra_body"):
        sampling({"extra_body": extra})


def test_extra_body_carries_what_one_provider_knows():
    assert sampling({"extra_body": {"guided_choice": ["a"]}}) == {"extra_body": {"guided_choice": ["a"]}}
