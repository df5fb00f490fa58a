from __future__ import annotations

import json
import shutil

import pytest
import yaml
from pictures import bad_images, encoded, picture

BAD = bad_images()


def test_from_a_folder_to_eight_demonstrations(run, folder, query) -> None:
    done = run("import", "imagefolder", folder, "--pool", "p")
    assert done.code == 0
    assert "30 added" in done.out
    chosen = run(
        "select",
        "--pool",
        "p",
        "--image",
        query,
        "--selector",
        "rices",
        "-k",
        8,
        "--order",
        "similar_last",
        "--json",
    )
    assert chosen.code == 0
    shots = json.loads(chosen.out)["demonstrations"]
    assert len(shots) == 8
    assert all({"id", "label", "score", "rank", "reason"} <= shot.keys() for shot in shots)
    scores = [shot["score"] for shot in shots]
    assert scores == sorted(scores)
    assert {shot["label"] for shot in shots} == {"class 1"}
    table = run("select", "--pool", "p", "--image", query)
    header, *rows = table.out.splitlines()
    assert header.split() == ["id", "label", "score", "rank", "reason"]
    for row, shot in zip(rows, shots, strict=False):
        assert row.strip().startswith(shot["id"])
        assert f"{shot['score']:.4f}" in row


def test_the_same_in_another_process_and_after_another_file_order(run, spawn, folder, query, home) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    arguments = ["select", "--pool", "p", "--image", query, "-k", 8, "--json"]
    expected = run(*arguments).out.encode()
    outputs = []
    for seed in ("1", "2"):
        process = spawn(*arguments, PYTHONHASHSEED=seed)
        output, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        outputs.append(output)
    # Another pool elsewhere, fed by lists in two other orders.
    lines = [
        {"id": str(path.relative_to(folder)), "image": str(path), "label": path.parent.name}
        for path in sorted(folder.rglob("*.png"), key=lambda path: path.name[::-1])
    ]
    for name, order in (("one", lines), ("two", lines[::-1])):
        listing = home / f"{name}.jsonl"
        listing.write_text("\n".join(map(json.dumps, order)))
        assert run("--data-dir", home / name, "import", "jsonl", listing, "--pool", "p").code == 0
        outputs.append(run("--data-dir", home / name, *arguments).out.encode())
    assert set(outputs) == {expected}


def test_importing_again_changes_nothing(run, folder) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    version = json.loads(run("pool", "show", "p", "--json").out)["pool"]["version"]
    again = run("import", "imagefolder", folder, "--pool", "p", "--json")
    last = json.loads(again.out.splitlines()[-1])
    assert (last["event"], last["added"], last["unchanged"]) == ("done", 0, 30)
    assert json.loads(run("pool", "show", "p", "--json").out)["pool"]["version"] == version
    assert run("doctor").code == 0


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "text"])
def test_one_bad_image_stops_the_import_with_one_clear_error(run, folder, kind: str) -> None:
    name, data, word = BAD[kind]
    (folder / "class 1" / f"zzz{name}").write_bytes(data)
    done = run("import", "imagefolder", folder, "--pool", "p")
    assert done.code == 2
    assert word in done.err
    assert f"zzz{name}" in done.err
    assert "Traceback" not in done.err
    assert run("doctor").code == 0
    (folder / "class 1" / f"zzz{name}").unlink()
    assert "30 added" in run("import", "imagefolder", folder, "--pool", "p").out


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("{not json", "JSON"),
        ('{"id": "x", "image": "missing.png", "label": "a"}', "missing.png"),
        ('{"id": "x", "text": "t", "label": "wolf"}', "label space"),
        ('{"id": "a", "text": "other content", "label": "cat"}', "other content"),
        ('{"id": "x", "text": "t"}', "neither an answer nor a label"),
        ('{"id": "x", "txt": "t", "label": "cat"}', "text"),
    ],
)
def test_one_bad_line_is_named_and_nothing_of_it_is_stored(run, home, line: str, word: str) -> None:
    run("pool", "create", "p", "--label", "cat", "--label", "dog")
    listing = home / "list.jsonl"
    good = '{"id": "a", "text": "first", "label": "cat"}'
    listing.write_text(good)
    run("import", "jsonl", listing, "--pool", "p")
    listing.write_text(f"{good}\n{line}\n")
    done = run("import", "jsonl", listing, "--pool", "p", "--json")
    assert done.code in (2, 4)
    problem = json.loads(done.err.splitlines()[-1])
    assert word in problem["detail"]
    if "other content" not in word:
        assert ":2" in problem["field"]
    assert json.loads(run("pool", "show", "p", "--json").out)["pool"]["size"] == 1
    assert run("doctor").code == 0


@pytest.mark.parametrize(
    ("arguments", "word", "code"),
    [
        (["select", "--pool", "nope", "--text", "x"], "no such pool", 3),
        (["select", "--pool", "p", "--text", "x", "--selector", "ricess"], "Did you mean 'rices'", 2),
        (["select", "--pool", "p", "--text", "x", "-s", "rices(modaliti=text)"], "modaliti", 2),
        (["select", "--pool", "p", "--text", "x", "--meta", "site"], "NAME=VALUE", 2),
        (["select", "--pool", "p", "--text", "x", "-k", "-1"], "greater than or equal to 0", 2),
        (["select", "--pool", "p", "--text", "x", "--order", "up"], "similar_last", 2),
        (["select", "--pool", "p"], "neither an image nor a text", 2),
        (["select", "--pool", "p", "--image", "nope.png"], "cannot be read", 2),
        (["select", "--pool", "p", "--id", "nope"], "no such example", 3),
        (["import", "imagefoldr", ".", "--pool", "p"], "imagefolder", 2),
        (["import", "jsonl", "nope.jsonl", "--pool", "p"], "nope.jsonl", 2),
        (["pool", "create", "a b"], "not a pool name", 2),
        (["pool", "create", "x", "--encoder", "clipp"], "encoder", 2),
        (["select", "--pool", "p", "--text", "x", "--encoder", "colour-hog"], "holds vectors of 'fake'", 4),
    ],
)
def test_mistakes_are_one_line_and_an_exit_code(run, folder, arguments, word: str, code: int) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    done = run(*arguments)
    assert word in done.err
    assert done.code == code
    assert "Traceback" not in done.err
    as_json = run(*arguments, "--json")
    assert word in json.loads(as_json.err)["detail"]


def test_more_than_there_is(run, folder, query) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    selection = json.loads(run("select", "--pool", "p", "--image", query, "-k", 100, "--json").out)
    assert len(selection["demonstrations"]) == 30
    assert selection["short"]


def test_a_recipe_file_gives_what_its_options_give(run, folder, query, home) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    options = ["-s", "rices|balanced", "-k", 6, "--order", "interleaved", "--seed", 3]
    expected = run("select", "--pool", "p", "--image", query, *options, "--json").out
    recipe = home / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(json.loads(expected)["recipe"]))
    assert run("select", "--pool", "p", "--image", query, "--recipe", recipe, "--json").out == expected
    text = "rices(k=6)|balanced|interleaved|with(seed=3)"
    assert run("select", "--pool", "p", "--image", query, "--recipe", text, "--json").out == expected
    changed = run("select", "--pool", "p", "--image", query, "--recipe", recipe, "-k", 3, "--json").out
    assert json.loads(changed)["recipe"]["k"] == 3
    recipe.write_text("- a list")
    assert (
        "neither a mapping nor text" in run("select", "--pool", "p", "--image", query, "--recipe", recipe).err
    )


def test_a_prompt_and_its_summary(run, folder, query) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    prompt = json.loads(run("prompt", "--pool", "p", "--image", query, "-k", 2, "--json").out)
    assert [message["role"] for message in prompt["messages"]][-1] == "user"
    assert len(prompt["manifest"]["demonstrations"]) == 2
    assert "class 1" in run("prompt", "--pool", "p", "--image", query, "-k", 2).out


def test_pools_are_listed_shown_and_deleted(run, folder) -> None:
    assert "No pools yet" in run("pool", "list").out
    run("import", "imagefolder", folder, "--pool", "p")
    assert json.loads(run("pool", "list", "--json").out)[0]["size"] == 30
    assert "class 2" in run("pool", "show", "p").out
    assert run("pool", "delete", "p", "--yes").code == 0
    assert run("pool", "show", "p").code == 3


def test_the_doctor_finds_and_mends_a_lost_index(run, folder, home) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    shutil.rmtree(home / ".shotsmith" / "index")
    sick = run("doctor", "--json")
    assert sick.code == 1
    assert len(json.loads(sick.out)[0]["missing"]) == 30
    assert run("doctor", "--repair").code == 0
    assert run("doctor").code == 0


def test_a_garbled_index_is_mended_too(run, folder, home) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    for path in (home / ".shotsmith" / "index").rglob("*"):
        if path.is_file():
            path.write_bytes(b"garbage")
    assert "Traceback" not in run("doctor").err
    assert run("doctor", "--repair").code == 0
    assert run("doctor").code == 0


@pytest.mark.parametrize(
    "what", ["a file as data directory", "a garbled database", "a garbled settings file"]
)
def test_broken_surroundings_are_one_line(run, home, what: str, monkeypatch) -> None:
    if what == "a file as data directory":
        (home / "file").write_text("x")
        monkeypatch.setenv("SHOTSMITH_DATA_DIR", str(home / "file"))
    elif what == "a garbled database":
        (home / ".shotsmith").mkdir()
        (home / ".shotsmith" / "shotsmith.db").write_bytes(b"garbage" * 1000)
    else:
        (home / "shotsmith.toml").write_text("foo = ")
    done = run("pool", "list")
    assert done.code in (2, 6)
    assert len(done.err.strip().splitlines()) == 1


def test_a_failed_first_import_leaves_no_pool(run, home) -> None:
    (home / "empty").mkdir()
    assert run("import", "imagefolder", home / "empty", "--pool", "new").code == 2
    assert "No pools yet" in run("pool", "list").out


def test_ids_may_look_like_markup(run, home) -> None:
    listing = home / "list.jsonl"
    listing.write_text('{"id": "a[/b]", "text": "t", "label": "x"}')
    run("import", "jsonl", listing, "--pool", "p")
    shutil.rmtree(home / ".shotsmith" / "index")
    sick = run("doctor")
    assert sick.code == 1
    assert "a[/b]" in sick.out


def test_the_doctor_names_a_lost_image(run, folder, home) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    blob = next(path for path in (home / ".shotsmith" / "blobs").rglob("*") if path.is_file())
    blob.unlink()
    sick = run("doctor", "--json")
    assert sick.code == 1
    assert json.loads(sick.out)[0]["lost_blobs"] == [blob.name]


def test_help_names_every_command(run) -> None:
    shown = run("--help").out
    for command in ("pool", "import", "select", "prompt", "ask", "compare", "serve", "doctor", "demo"):
        assert command in shown
    assert run("--version").out.startswith("shotsmith 0.")


def test_a_picture_with_rotation_is_seen_upright(run, folder, home) -> None:
    run("import", "imagefolder", folder, "--pool", "p")
    upright = picture(1, hue=1, side=24).resize((24, 12))
    from PIL import Image

    exif = Image.Exif()
    exif[0x0112] = 6
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    (home / "turned.png").write_bytes(encoded(turned, exif=exif))
    (home / "upright.png").write_bytes(encoded(upright))
    one, two = (
        run("select", "--pool", "p", "--image", home / name, "--json").out
        for name in ("turned.png", "upright.png")
    )
    assert one == two
