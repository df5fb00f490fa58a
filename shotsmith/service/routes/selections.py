"""/v1/selections, /v1/prompts and /v1/answers: each goes one step further than the one before."""

from __future__ import annotations

from fastapi import APIRouter

from ...schemas import AnswerIn, AnswerOut, PromptIn, PromptOut, SelectionIn, SelectionOut
from ..dependencies import ApiDep

router = APIRouter(prefix="/v1")


@router.post("/selections", tags=["selections"])
def select(body: SelectionIn, api: ApiDep) -> SelectionOut:
    """Choose and order demonstrations for a query."""
    return api.select(body)


@router.post("/prompts", tags=["prompts"])
def build_prompt(body: PromptIn, api: ApiDep) -> PromptOut:
    """Choose demonstrations and render the messages that a model should receive."""
    return api.build_prompt(body)


@router.post("/answers", tags=["answers"])
def answer(body: AnswerIn, api: ApiDep) -> AnswerOut:
    """Choose demonstrations, build the prompt, ask a model and read its answer."""
    return api.answer(body)
