"""/v1/selections, /v1/prompts and /v1/answers: each goes one step further than the one before."""

from __future__ import annotations

from fastapi import APIRouter, Response

from ...schemas import (
    AnswerIn,
    AnswerOut,
    BatchIn,
    BatchOut,
    PromptIn,
    PromptOut,
    SelectionIn,
    SelectionOut,
    prompt_json,
)
from ..dependencies import ApiDep

router = APIRouter(prefix="/v1")


@router.post("/selections", tags=["selections"])
def select(body: SelectionIn, api: ApiDep) -> SelectionOut:
    """Choose and order demonstrations for a query."""
    return api.select(body)


@router.post("/prompts", tags=["prompts"], response_model=PromptOut)
def build_prompt(body: PromptIn, api: ApiDep) -> Response:
    """Choose demonstrations and render the messages that a model should receive."""
    return Response(prompt_json(api.prompt(body)), media_type="application/json")


@router.post("/answers", tags=["answers"])
def answer(body: AnswerIn, api: ApiDep) -> AnswerOut:
    """Choose demonstrations, build the prompt, ask a model and read its answer."""
    return api.answer(body)


@router.post("/answers/batch", tags=["answers"])
def answer_many(body: BatchIn, api: ApiDep) -> BatchOut:
    """Ask many queries, several in a call; each ends answered, in its batch or alone, or failed."""
    return api.answer_many(body)
