"""Pools with sounds, seen from frameworks that take images alone."""

from __future__ import annotations

from clips import clip, film
from pictures import shown

from shotsmith import Client
from shotsmith.clients.sdk.calls import example_in
from shotsmith.integrations._records import content_id
from shotsmith.integrations.langchain import ShotsmithExampleSelector
from shotsmith.prompts.build import NOT_SHOWN


def test_sounds_are_left_out_and_said_to_be(client: Client) -> None:
    client.create_pool("mixed", kind="open")
    client.add(
        "mixed",
        [
            {"id": "heard", "media": [clip(1)], "answer": "a bark"},
            {"id": "both", "media": [clip(2)], "image": shown(1, 1), "answer": "a dog"},
            {"id": "told", "media": [film(1)], "text": "what?", "answer": "a fall"},
        ],
    )
    selector = ShotsmithExampleSelector(client, "mixed", "all(k=3)", image_key="image")
    rows = {row["output"]: row for row in selector.select_examples({"input": "?"})}
    assert [rows[answer]["input"] for answer in ("a bark", "a dog", "a fall")] == [NOT_SHOWN, "", "what?"]
    images = [
        [
            part
            for part in row["messages"][0].content
            if isinstance(part, dict) and part["type"] == "image_url"
        ]
        for row in (rows["a bark"], rows["a dog"], rows["a fall"])
    ]
    assert [len(found) for found in images] == [0, 1, 0]


def test_ids_are_those_that_the_pool_would_give(client: Client) -> None:
    client.create_pool("mixed", kind="open")
    example = example_in({"media": [clip(1), film(1), shown(2, 1)], "answer": "x"})
    client.add("mixed", [example])
    assert [content_id(example, "open")] == [one.id for one in client.examples("mixed")]
