"""Text tokens: OpenAI's tokenisers from what litellm ships, and careful guesses for the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shotsmith.prompts.facts.price_map import litellm_folder
from shotsmith.prompts.facts.rules import Characters, Tiktoken
from shotsmith.prompts.tokens import encodings, text_tokens
from shotsmith.prompts.tokens.text import counted_by

CAREFUL = Characters(rule="characters")
SAMPLES = {
    "English": "What breed is the dog in this picture? Answer with one word, please.",
    "German": "Welche Rasse hat der Hund auf diesem Bild? Bitte überlege gründlich und antworte mit einem Wort.",
    "Chinese": "这张图片里的狗是什么品种?请用一个词回答。",
    "Japanese": "この写真に写っている犬の犬種は何ですか?一言で答えてください。",
    "Korean": "이 사진에 있는 개의 품종은 무엇입니까? 한 단어로 대답해 주세요.",
    "Thai": "สุนัขในภาพนี้เป็นพันธุ์อะไร โปรดตอบด้วยคำเดียว",
    "Hindi": "इस तस्वीर में कुत्ते की नस्ल क्या है? कृपया एक शब्द में उत्तर दें।",
    "Arabic": "ما هي سلالة الكلب في هذه الصورة؟ أجب بكلمة واحدة من فضلك.",
    "Russian": "Какой породы собака на этой фотографии? Ответьте одним словом.",
    "JSON": '{"label": "dog", "score": 0.9834, "box": [12, 34, 560, 789]}',
    "code": "def f(x):\n    return {k: v for k, v in x.items() if v != 0}\n",
    "medicine": "Histopathological examination: adenocarcinoma, lymphovascular invasion present, pT3N1M0.",
}


def openai(name: str) -> Tiktoken:
    return Tiktoken(rule="tiktoken", encoding=name)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["cl100k_base", "o200k_base"])
def test_the_tokenisers_are_tiktokens_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from tiktoken_ext.openai_public import ENCODING_CONSTRUCTORS

    folder = litellm_folder()
    assert folder is not None
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(folder / "litellm_core_utils" / "tokenizers"))
    import tiktoken

    theirs = tiktoken.Encoding(**ENCODING_CONSTRUCTORS[name]())
    for text in [*SAMPLES.values(), "  \n\n\t x", "I'll we'RE 12345678", "", "<|endoftext|>", "🐕👩‍👩‍👧‍👦"]:
        assert text_tokens(openai(name), text) == len(theirs.encode_ordinary(text)), text
    assert counted_by(openai(name)) == name


def test_known_counts() -> None:
    assert text_tokens(openai("cl100k_base"), "tiktoken is great!") == 6
    assert text_tokens(openai("o200k_base"), "hello world") == 2
    assert text_tokens(openai("o200k_base"), "") == text_tokens(CAREFUL, "") == 0


@pytest.mark.parametrize("language", SAMPLES)
def test_careful_guesses_are_rather_too_high_but_not_by_much(language: str) -> None:
    text = SAMPLES[language]
    true = text_tokens(openai("cl100k_base"), text)
    assert 0.98 * true <= text_tokens(CAREFUL, text) <= 2 * true


def test_other_scripts_cost_more_a_character() -> None:
    def each(language: str) -> float:
        return text_tokens(CAREFUL, SAMPLES[language]) / len(SAMPLES[language])

    assert each("English") < each("Russian") < each("Chinese")


@given(st.text(max_size=200), st.text(max_size=200))
def test_guesses_add_up_and_never_exceed_a_token_a_byte(one: str, other: str) -> None:
    whole = text_tokens(CAREFUL, one + other)
    parts = text_tokens(CAREFUL, one) + text_tokens(CAREFUL, other)
    assert whole <= parts <= whole + 1
    assert whole <= len(one.encode()) + len(other.encode()) + 1


@pytest.mark.parametrize("rule", [CAREFUL, openai("o200k_base")])
def test_odd_texts_are_counted(rule: Characters | Tiktoken) -> None:
    assert text_tokens(rule, "\ud800") >= 1
    assert text_tokens(rule, "\x00\x01") >= 1
    assert text_tokens(rule, "a" * 300_000) >= 30_000
    assert text_tokens(rule, " " * 300_000) >= 2_000


def test_without_a_vocabulary_characters_are_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    vocabularies = tmp_path / "litellm_core_utils" / "tokenizers"
    vocabularies.mkdir(parents=True)
    for content in (None, b"aGk= 0\n"):
        if content is not None:
            (vocabularies / encodings._VOCABULARIES["o200k_base"].file).write_bytes(content)
        with monkeypatch.context() as patch:
            patch.setattr(encodings, "litellm_folder", lambda: tmp_path)
            encodings.encoding.cache_clear()
            text_tokens.cache_clear()
            assert counted_by(openai("o200k_base")) == "characters"
            assert text_tokens(openai("o200k_base"), SAMPLES["English"]) == text_tokens(
                CAREFUL, SAMPLES["English"]
            )
    encodings.encoding.cache_clear()
    text_tokens.cache_clear()
    assert counted_by(openai("o200k_base")) == "o200k_base"


def test_neither_litellm_nor_tiktoken_is_imported_before_it_is_needed() -> None:
    code = (
        "import sys\n"
        "from shotsmith.prompts.facts import facts_of\n"
        "from shotsmith.prompts.tokens import estimate\n"
        "from shotsmith.prompts.prices import price_of\n"
        "from shotsmith.domain.messages import Message, TextPart\n"
        "said = (Message('user', (TextPart('hi'),)),)\n"
        "estimate(said, facts_of('claude-sonnet-4-5')); assert price_of('gpt-4o')\n"
        "assert 'tiktoken' not in sys.modules\n"
        "estimate(said, facts_of('gpt-4o'))\n"
        "assert 'tiktoken' in sys.modules and 'litellm' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
