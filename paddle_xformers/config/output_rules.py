"""The rules between fields of the output heads."""

from __future__ import annotations

from .rule import Rule

OUTPUT_RULES: tuple[Rule, ...] = (
    Rule(
        ("tie_word_embeddings", "logits_dim", "num_tokens"),
        lambda v: v["tie_word_embeddings"] and v["logits_dim"] not in (None, v["num_tokens"]),
        "tie_word_embeddings=True gives a score for each of num_tokens={num_tokens} tokens, and not logits_dim="
        "{logits_dim}; untie or leave logits_dim out",
    ),
    Rule(
        ("tie_word_embeddings", "num_output_heads"),
        lambda v: v["tie_word_embeddings"] and v["num_output_heads"] > 1,
        "tie_word_embeddings=True makes one head of the one embedding, but num_output_heads={num_output_heads}; untie "
        "or use one head",
    ),
    Rule(
        ("mixture_of_softmax", "num_output_heads"),
        lambda v: v["mixture_of_softmax"] and v["num_output_heads"] > 1,
        "mixture_of_softmax=True and num_output_heads={num_output_heads} exclude each other: the mixture is of one "
        "head; keep one of them",
    ),
    Rule(
        ("mixture_of_softmax", "squeeze_out_last_dim"),
        lambda v: v["mixture_of_softmax"] and v["squeeze_out_last_dim"],
        "mixture_of_softmax=True and squeeze_out_last_dim=True exclude each other: the probability of a single choice "
        "is always 1; keep one of them",
    ),
    Rule(
        ("add_continuous_pred_head", "emb_dim", "dim"),
        lambda v: v["add_continuous_pred_head"] and v["emb_dim"] not in (None, v["dim"]),
        "add_continuous_pred_head=True predicts embeddings of width dim={dim}, but emb_dim={emb_dim}; use one width "
        "or leave the head out",
    ),
)
