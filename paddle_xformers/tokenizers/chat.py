"""The chat template: how a conversation becomes one text."""

from __future__ import annotations

from typing import Any

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import InputError

import_paddlenlp()
from jinja2 import Template, TemplateError  # noqa: E402
from paddlenlp.transformers.tokenizer_utils import PretrainedTokenizer  # noqa: E402

# Each message is its role, a colon and a new line, the content, and the end-of-sequence token: the token that
# stops generation is thus the last thing of every answer, and also the last thing a fine-tuned model learns
# to write.
DEFAULT_CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ message['role'] }}:\n{{ message['content'] }}{{ eos_token }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\\n' }}{% endif %}"
)


class ChatTokenizer(PretrainedTokenizer):
    """Holds a chat template that is saved with the tokenizer, in either of PaddleNLP's two forms.

    A Jinja text (the default, PaddleNLP's newer form) is saved in `tokenizer_config.json`; a PaddleNLP
    `ChatTemplate` (`system`, `conversation` and `query` texts) is saved in `chat_template.json`.
    `tokenizer.chat_template` may be set to either, to a dict of the second form, or to None (a tokenizer
    saved without one has the default again when loaded).
    """

    _chat_template: Any = None  # compiled: jinja2.Template, paddlenlp's ChatTemplate, or None
    _chat_template_source: str | None = None  # the Jinja text, which the compiled form does not keep

    @property
    def chat_template(self) -> Any:
        """The compiled template, or None."""
        return self._chat_template

    @chat_template.setter
    def chat_template(self, template: Any) -> None:
        if isinstance(template, (str, dict)):
            self.init_chat_template(template)
        else:
            self._chat_template, self._chat_template_source = template, None

    def init_chat_template(self, chat_template: Any) -> None:
        """Set the chat template.

        Args:
            chat_template: A Jinja text over `messages`, `add_generation_prompt` and the special tokens; or
                the path of a `chat_template.json`, a dict of its content, or a PaddleNLP `ChatTemplate`.

        Raises:
            InputError: The Jinja text has a syntax error.
        """
        try:
            super().init_chat_template(chat_template)
        except TemplateError as error:
            raise InputError(f"chat_template is neither valid Jinja nor the path of a file: {error}") from error
        if isinstance(self._chat_template, Template):
            self._chat_template_source = chat_template

    def apply_chat_template(
        self,
        conversation: Any,
        tokenize: bool = True,
        context_data: dict[str, Any] | None = None,
        **tokenizer_kwargs: Any,
    ) -> Any:
        """Turn one conversation into a text or into model inputs.

        Args:
            conversation: One of: a question (str); messages `[{"role": "user", "content": "..."}, ...]`;
                rounds `[[question, answer], ..., [question]]`.
            tokenize: Return model inputs (default) or the text.
            context_data: Values for a PaddleNLP `ChatTemplate`.
            **tokenizer_kwargs: `add_generation_prompt` (default True), and the arguments of calling the
                tokenizer.

        Returns:
            The text, or a `BatchEncoding` of it (no further special tokens are added).

        Raises:
            InputError: The conversation is empty or not of one of these forms, or there is no template.
        """
        if self._chat_template is None:
            raise InputError("chat_template is None: set tokenizer.chat_template to a Jinja text first.")
        if not isinstance(conversation, str):
            _check_conversation(conversation)
        return super().apply_chat_template(conversation, tokenize, context_data or {}, **tokenizer_kwargs)

    def _encode_chat_inputs(
        self,
        conversations: list[list[str]],
        context_data: dict[str, Any] | None = None,
        system: str | None = None,
        add_generation_prompt: bool = True,
    ) -> dict[str, list[list[list[int]]]]:
        """Encode rounds for fine-tuning as [ids to read, ids to learn].

        PaddleNLP looks for the answers in the text of the conversation, and cuts at the wrong place when a
        question ends like an answer. Here every round is rendered with and without its answer.
        """
        messages = [] if system is None else [{"role": "system", "content": system}]
        done, rounds = "", []
        for question, answer in conversations:
            messages.append({"role": "user", "content": question})
            prompt = self._rendered(messages, add_generation_prompt)
            messages.append({"role": "assistant", "content": answer})
            whole = self._rendered(messages, False)
            if not (prompt.startswith(done) and whole.startswith(prompt)):
                raise InputError(
                    "chat_template cannot be used for fine-tuning: the text of a conversation must begin "
                    "with the text of its first rounds. Use a template that adds to the end only."
                )
            parts = [prompt[len(done) :], whole[len(prompt) :]]
            rounds.append([self.encode(part, add_special_tokens=False)["input_ids"] for part in parts])
            done = whole
        return {"conversations": rounds}

    def _rendered(self, messages: list[dict[str, str]], add_generation_prompt: bool) -> str:
        options = {"add_generation_prompt": add_generation_prompt, **self.special_tokens_map}
        return str(self._chat_template.render(messages=messages, **options))

    def __getstate__(self) -> dict[str, Any]:
        """Leave a compiled Jinja template out of pickles and copies: it is code, and is compiled again."""
        state = self.__dict__.copy()
        if isinstance(self._chat_template, Template):
            del state["_chat_template"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the attributes and compile the chat template again."""
        self.__dict__.update(state)
        if self._chat_template_source is not None:
            self.init_chat_template(self._chat_template_source)


def _check_conversation(conversation: Any) -> None:
    forms = "a str, messages [{'role': ..., 'content': ...}] or rounds [[question, answer], ..., [question]]"
    if not isinstance(conversation, list) or not conversation:
        raise InputError(f"conversation is {conversation!r}; it must be {forms}.")
    for number, turn in enumerate(conversation):
        if isinstance(turn, dict) and not {"role", "content"} <= turn.keys():
            raise InputError(f"message {number} of conversation has only {sorted(turn)}; it needs role and content.")
        if not isinstance(turn, dict) and not (isinstance(turn, list) and 1 <= len(turn) <= 2):
            raise InputError(f"turn {number} of conversation is {turn!r}; conversation must be {forms}.")
