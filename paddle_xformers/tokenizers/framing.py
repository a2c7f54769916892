"""Where special tokens go around a sequence, and around a pair of sequences."""

from __future__ import annotations

from paddle_xformers._compat import import_paddlenlp
from paddle_xformers.errors import InputError

import_paddlenlp()
from paddlenlp.transformers.tokenizer_utils import PretrainedTokenizer  # noqa: E402

Offsets = list[tuple[int, int]]


class FramedTokenizer(PretrainedTokenizer):
    """Adds the special tokens that three saved options ask for; by default none: the ids are just the text.

    | options                                    | one sequence    | a pair                                |
    |--------------------------------------------|-----------------|---------------------------------------|
    | none (default)                             | `A`             | `A B`                                 |
    | `add_bos_token=True`, `add_eos_token=True` | `<bos> A <eos>` | `<bos> A <eos> <bos> B <eos>`         |
    | `add_cls_sep_tokens=True` (as in BERT)     | `<cls> A <sep>` | `<cls> A <sep> B <sep>`               |

    The options are plain attributes and may be changed between calls; `add_special_tokens=False` in a call
    turns them off for that call.
    """

    add_bos_token: bool
    add_eos_token: bool
    add_cls_sep_tokens: bool

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Put the special tokens around the ids of one sequence or of a pair.

        Args:
            token_ids_0: Ids of the first sequence.
            token_ids_1: Ids of the second sequence of a pair.

        Returns:
            The framed ids.
        """
        return self._framed(token_ids_0, token_ids_1, self._frame())

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        """Mark the special tokens of a framed sequence with 1 and its other tokens with 0.

        Args:
            token_ids_0: Ids of the first sequence, or of a whole framed one.
            token_ids_1: Ids of the second sequence of a pair.
            already_has_special_tokens: Whether `token_ids_0` is already framed; its special tokens are then
                found by their ids.

        Returns:
            0 or 1 for every token.

        Raises:
            InputError: A second sequence is given although the first one is already framed.
        """
        if already_has_special_tokens:
            if token_ids_1 is not None:
                raise InputError("token_ids_1 must be None when already_has_special_tokens=True: join the two first.")
            special = set(self.all_special_ids)
            return [int(index in special) for index in token_ids_0]
        ones = tuple([1] * len(part) for part in self._frame())
        second = None if token_ids_1 is None else [0] * len(token_ids_1)
        return self._framed([0] * len(token_ids_0), second, ones)

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        """Mark the framed first sequence with 0 and the framed second one with 1.

        Args:
            token_ids_0: Ids of the first sequence.
            token_ids_1: Ids of the second sequence of a pair.

        Returns:
            0 or 1 for every token of the framed ids.
        """
        before, after, before_second, after_second = self._frame()
        types = [0] * (len(before) + len(token_ids_0) + len(after))
        if token_ids_1 is not None:
            types += [1] * (len(before_second) + len(token_ids_1) + len(after_second))
        return types

    def build_offset_mapping_with_special_tokens(
        self, offset_mapping_0: Offsets, offset_mapping_1: Offsets | None = None
    ) -> Offsets:
        """Put `(0, 0)` around character offsets wherever a special token goes.

        Args:
            offset_mapping_0: (start, end) in characters for every token of the first sequence.
            offset_mapping_1: The same for the second sequence of a pair.

        Returns:
            The offsets of the framed ids.
        """
        nowhere = tuple([(0, 0)] * len(part) for part in self._frame())
        return self._framed(offset_mapping_0, offset_mapping_1, nowhere)

    def num_special_tokens_to_add(self, pair: bool = False) -> int:
        """Count the special tokens that framing adds.

        Args:
            pair: Whether to count for a pair of sequences.

        Returns:
            The number of added tokens.
        """
        return len(self.build_inputs_with_special_tokens([], [] if pair else None))

    @staticmethod
    def _framed(first: list, second: list | None, frame: tuple[list, ...]) -> list:
        before, after, before_second, after_second = frame
        framed = before + list(first) + after
        return framed if second is None else framed + before_second + list(second) + after_second

    def _frame(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Ids before and after the first sequence, then before and after the second."""
        if self.add_cls_sep_tokens:
            if self.add_bos_token or self.add_eos_token:
                raise InputError(
                    f"add_cls_sep_tokens=True excludes add_bos_token={self.add_bos_token} and "
                    f"add_eos_token={self.add_eos_token}: choose one of the two frames."
                )
            cls, sep = self._required_id("cls_token"), self._required_id("sep_token")
            return [cls], [sep], [], [sep]
        before = [self._required_id("bos_token")] if self.add_bos_token else []
        after = [self._required_id("eos_token")] if self.add_eos_token else []
        return before, after, before, after

    def _required_id(self, attribute: str) -> int:
        if getattr(self, f"_{attribute}") is None:
            raise InputError(f"{attribute} is None but the options of this tokenizer add it: give it a string.")
        return int(getattr(self, f"{attribute}_id"))
