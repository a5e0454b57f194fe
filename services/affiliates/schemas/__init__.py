"""The shapes of the affiliate programme on the wire, in and out, as S2 has them."""
