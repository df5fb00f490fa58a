from __future__ import annotations

import json

import numpy as np
import pytest


@pytest.fixture
def pool(run, folder) -> list[str]:
    """A pool `p` of 30 pictures; its ids, ascending."""
    run("import", "imagefolder", folder, "--pool", "p")
    page = json.loads(run("pool", "show", "p", "--limit", 1000, "--json").out)
    return [example["id"] for example in page["examples"]]


def ids_by_rank(selection: dict) -> list[str]:
    shots = sorted(selection["demonstrations"], key=lambda shot: shot["rank"])
    return [shot["id"] for shot in shots]


def test_from_faiss_to_demonstrations(run, home, pool) -> None:
    rows = np.array([[(place + step) % 30 for step in (11, 5, 0, 7, 20)] for place in range(30)])
    np.savez(home / "found.npz", D=np.zeros((30, 5), dtype=np.float32), I=rows)
    (home / "ids.txt").write_text("\n".join(pool))
    files = ["--query-ids", "ids.txt", "--example-ids", "ids.txt"]
    done = run("neighbours", "import", "found.npz", "--pool", "p", "--name", "SI", *files, "--json")
    assert done.code == 0
    assert json.loads(done.out) == {
        "pool": "p",
        "name": "SI",
        "lists": 30,
        "ids": 120,
        "new_queries": 0,
        "repeated": 0,
        "itself": 30,
        "unknown": 0,
        "emptied": 0,
        "without": 0,
    }
    assert json.loads(run("neighbours", "list", "--pool", "p", "--json").out) == {"SI": 30}
    arguments = ["select", "--pool", "p", "--id", pool[2], "--selector", "neighbours(name=SI)", "--json"]
    selection = json.loads(run(*arguments, "-k", 4).out)
    assert ids_by_rank(selection) == [pool[13], pool[7], pool[9], pool[22]]
    assert selection["flags"] == []
    longer = json.loads(run(*arguments, "-k", 6).out)
    assert ids_by_rank(longer)[:4] == ids_by_rank(selection)
    assert longer["flags"] == ["the list 'SI' has 4 for this query: completed by rices"]


def test_new_queries_are_found_by_the_id_they_come_with(run, home, pool, query) -> None:
    (home / "lists.json").write_text(json.dumps({"391895": [pool[5], pool[3], pool[5]]}))
    done = run("neighbours", "import", "lists.json", "-p", "p", "-n", "CFG", "--query-id", "val/{:012}")
    assert done.code == 0
    first, *remarks = done.out.splitlines()
    assert first == "Imported 1 lists with 2 ids as CFG into pool p"
    assert [line.split(" ")[0] for line in remarks] == ["1", "1"]
    arguments = ["--id", "val/000000391895", "--image", query, "-k", 2, "--json"]
    chosen = run("select", "-p", "p", "-s", "neighbours(name=CFG)", *arguments)
    assert ids_by_rank(json.loads(chosen.out)) == [pool[5], pool[3]]
    header, row = run("neighbours", "list", "-p", "p").out.splitlines()
    assert (header.split(), row.split()) == (["name", "lists"], ["CFG", "1"])


def test_a_key_is_a_name_unless_another_is_given(run, home, pool) -> None:
    nested = {pool[0]: {"SI": [[pool[1], 0.5]], "SQ": [[pool[2], 0.5]]}}
    (home / "lists.json").write_text(json.dumps(nested))
    assert run("neighbours", "list", "-p", "p").out.startswith("None yet")
    assert run("neighbours", "import", "lists.json", "-p", "p", "--key", "SI").code == 0
    assert (
        run("neighbours", "import", "lists.json", "-p", "p", "--key", "SQ", "--name", "questions").code == 0
    )
    assert json.loads(run("neighbours", "list", "-p", "p", "--json").out) == {"SI": 1, "questions": 1}


@pytest.mark.parametrize(
    ("content", "options", "code", "field", "word"),
    [
        ({"a": ["nope"]}, ["-n", "SI"], 2, "lists", "not in the pool"),
        ({"a": ["nope"]}, ["-n", "SI", "--skip-unknown"], 2, "lists", "nothing is left"),
        ({"a": ["nope"]}, [], 2, "--name", "need a name"),
        ({"a": ["nope"]}, ["-n", "a/b"], 2, "name", "not a name"),
        ({"a": {"SI": ["nope"], "SQ": []}}, [], 2, "key", "SI, SQ"),
        ({"a": []}, ["-n", "SI"], 2, "lists: a", "empty"),
        ([1], ["-n", "SI"], 2, "lists.json[0]", "not an object"),
        ({"a": ["b"]}, ["-n", "SI", "--example-id", "train"], 2, "example_id", "template"),
        ({"a": ["b"]}, ["-n", "SI", "--example-ids", "missing.txt"], 2, "source", "does not exist"),
        ({"a": ["b"]}, ["-n", "SI", "-p", "nope"], 3, "pool", "no such pool"),
    ],
)
def test_what_is_wrong_is_one_line_and_nothing_is_stored(
    run, home, pool, content, options, code: int, field: str, word: str
) -> None:
    (home / "lists.json").write_text(json.dumps(content))
    done = run("neighbours", "import", "lists.json", "-p", "p", *options, "--json")
    assert done.code == code
    problem = json.loads(done.err)
    assert problem["field"] == field
    assert word in problem["detail"]
    assert json.loads(run("neighbours", "list", "-p", "p", "--json").out) == {}
