"""Chat templates, for both tokenizers."""

import jinja2
import pytest
from paddlenlp.utils.log import logger

from paddle_xformers.errors import InputError

MESSAGES = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "Hi"},
    {"role": "assistant", "content": "Yes"},
    {"role": "user", "content": "Why?"},
]
RENDERED = "<bos>system:\nBe brief.<eos>user:\nHi<eos>assistant:\nYes<eos>user:\nWhy?<eos>"


def test_default_template(pristine):
    assert pristine.apply_chat_template(MESSAGES, tokenize=False) == RENDERED + "assistant:\n"
    assert pristine.apply_chat_template(MESSAGES, tokenize=False, add_generation_prompt=False) == RENDERED
    assert pristine.apply_chat_template("Hi", tokenize=False) == "<bos>user:\nHi<eos>assistant:\n"
    rounds = [["Hi", "Yes"], ["Why?"]]
    text = "<bos>user:\nHi<eos>assistant:\nYes<eos>user:\nWhy?<eos>assistant:\n"
    assert pristine.apply_chat_template(rounds, tokenize=False) == text


def test_tokenized_conversations_get_no_further_special_tokens(tokenizer):
    tokenizer.add_bos_token = tokenizer.add_eos_token = True
    encoded = tokenizer.apply_chat_template(MESSAGES, return_tensors="np")
    ids = encoded["input_ids"][0].tolist()
    assert tokenizer.decode(ids) == RENDERED + "assistant:\n"
    assert (ids.count(1), ids.count(2)) == (1, 4)


def test_jinja_templates_are_saved(tokenizer, tmp_path):
    tokenizer.chat_template = "{% for m in messages %}[{{ m['content'] }}]{% endfor %}"
    tokenizer.save_pretrained(tmp_path)
    loaded = type(tokenizer).from_pretrained(tmp_path)
    assert loaded.apply_chat_template(MESSAGES, tokenize=False) == "[Be brief.][Hi][Yes][Why?]"
    given = type(tokenizer).from_pretrained(tmp_path, chat_template="{{ messages | length }}")
    assert given.apply_chat_template(MESSAGES, tokenize=False) == "4"


def test_paddlenlp_templates_are_saved_and_load_without_a_warning(tokenizer, tmp_path, monkeypatch):
    template = {"system": "S ", "conversation": ["U{{user}} ", "B{{bot}} "], "query": "Q{{query}}"}
    tokenizer.chat_template = template
    tokenizer.save_pretrained(tmp_path)
    warnings = []
    monkeypatch.setattr(logger, "warning", warnings.append)
    loaded = type(tokenizer).from_pretrained(tmp_path)
    assert loaded.apply_chat_template([["a", "b"], ["c"]], tokenize=False) == "S Ua Bb Qc"
    assert warnings == []
    loaded.init_chat_template(str(tmp_path / "chat_template.json"))
    assert loaded.apply_chat_template("c", tokenize=False) == "S Qc"


def test_rounds_for_fine_tuning(pristine):
    encoded = pristine.encode_chat_inputs([["Hi", "Yes"], ["Say Yes", "Yes"]])
    texts = [[pristine.decode(ids) for ids in turn] for turn in encoded["conversations"]]
    assert texts == [
        ["<bos>user:\nHi<eos>assistant:\n", "Yes<eos>"],
        ["user:\nSay Yes<eos>assistant:\n", "Yes<eos>"],
    ]


def test_templates_that_rewrite_the_beginning_cannot_be_fine_tuned(tokenizer):
    tokenizer.chat_template = "{{ messages | length }}"
    with pytest.raises(InputError, match="chat_template cannot be used for fine-tuning"):
        tokenizer.encode_chat_inputs([["a", "b"]])


def test_no_template_and_bad_templates(tokenizer):
    with pytest.raises(InputError, match="neither valid Jinja"):
        tokenizer.chat_template = "{% for %}"
    assert isinstance(tokenizer.chat_template, jinja2.Template)
    tokenizer.chat_template = None
    with pytest.raises(InputError, match="chat_template is None"):
        tokenizer.apply_chat_template("hi")


@pytest.mark.parametrize(
    ("conversation", "message"),
    [
        ([], "conversation is"),
        ({"role": "user"}, "conversation is"),
        ([{"role": "user"}], r"message 0 of conversation has only \['role'\]"),
        (["one", "two"], "turn 0 of conversation is 'one'"),
        ([["a", "b", "c"]], "turn 0 of conversation"),
    ],
)
def test_bad_conversations_are_refused(pristine, conversation, message):
    with pytest.raises(InputError, match=message):
        pristine.apply_chat_template(conversation)
