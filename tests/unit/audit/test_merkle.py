"""The tree: the published vectors of RFC 6962's implementations, and every proof of every small tree."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rorpost_gateway.audit import merkle
from tests.peers.evidence import mth

# The eight leaves, their roots and proofs that Certificate Transparency's implementations share.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        *("", "00", "10", "2021", "3031", "40414243", "5051525354555657"),
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    bytes.fromhex(text)
    for text in (
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    )
]
INCLUSION = {  # index and size
    (0, 1): [],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
CONSISTENCY = {  # the two sizes
    (1, 1): [],
    (1, 8): INCLUSION[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (6, 7): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "b08693ec2e721597130641e8211e7eedccb4c26413963eee6c1e2ed16ffb1a5f",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
HASHES = [merkle.leaf_hash(leaf) for leaf in LEAVES]
TREE = merkle.over(HASHES)
SOME = b"\xab" * 32


def test_published_roots() -> None:
    assert merkle.EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert merkle.root([]) == merkle.EMPTY_ROOT
    assert [merkle.root(HASHES[:size]) for size in range(1, 9)] == ROOTS


@pytest.mark.parametrize(("index", "size"), INCLUSION)
def test_published_inclusion_proofs(index, size) -> None:
    proof = merkle.inclusion_proof(index, size, TREE)
    assert [each.hex() for each in proof] == INCLUSION[index, size]
    assert merkle.verify_inclusion(index, size, HASHES[index], proof, ROOTS[size - 1])


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_published_consistency_proofs(old, new) -> None:
    proof = merkle.consistency_proof(old, new, TREE)
    assert [each.hex() for each in proof] == CONSISTENCY[old, new]
    assert merkle.verify_consistency(old, new, proof, ROOTS[old - 1], ROOTS[new - 1])


def changed(proof: list[bytes], random: Random) -> list[list[bytes]]:
    """Other proofs that look much like this one."""
    others = [[*proof, SOME], [SOME, *proof], [*proof, b""], [*proof, *[SOME] * 100]]
    if proof:
        at = random.randrange(len(proof))
        flipped = bytes([proof[at][0] ^ 1 << random.randrange(8)]) + proof[at][1:]
        others += [proof[:-1], proof[1:], [*proof[:at], flipped, *proof[at + 1 :]]]
        others += [[*proof[:at], proof[at][:-1], *proof[at + 1 :]], [*proof, proof[-1]]]
    return others


def test_all_inclusion_proofs_of_small_trees_hold_and_no_other_does() -> None:
    random = Random(1)
    leaves = [merkle.leaf_hash(b"%d" % n) for n in range(40)]
    tree = merkle.over(leaves)
    for size in range(1, 41):
        root = mth(leaves[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(index, size, tree)
            assert merkle.verify_inclusion(index, size, leaves[index], proof, root)
            assert not merkle.verify_inclusion(index, size, SOME, proof, root)
            assert not merkle.verify_inclusion(index, size, leaves[index], proof, SOME)
            for other in changed(proof, random):
                assert not merkle.verify_inclusion(index, size, leaves[index], other, root)
            for wrong in {index - 1, index + 1, index ^ 2, -1} - {index}:
                assert not merkle.verify_inclusion(wrong, size, leaves[index], proof, root)


def test_all_consistency_proofs_of_small_trees_hold_and_no_other_does() -> None:
    random = Random(2)
    leaves = [merkle.leaf_hash(b"%d" % n) for n in range(34)]
    tree = merkle.over(leaves)
    roots = [mth(leaves[:size]) for size in range(35)]
    for new in range(35):
        for old in range(new + 1):
            proof = merkle.consistency_proof(old, new, tree)
            assert merkle.verify_consistency(old, new, proof, roots[old], roots[new])
            for other in changed(proof, random):
                assert not merkle.verify_consistency(old, new, other, roots[old], roots[new])
            if old < new:
                assert not merkle.verify_consistency(new, old, proof, roots[new], roots[old])
                assert not merkle.verify_consistency(old, new, proof, SOME, roots[new])
                # A proof from nothing is empty, and so proves nothing of the newer root.
                assert old == 0 or not merkle.verify_consistency(old, new, proof, roots[old], SOME)
                assert old == 0 or not merkle.verify_consistency(old - 1, new, proof, roots[old], roots[new])


@pytest.mark.parametrize("size", [255, 256, 257, 65_535, 65_536, 65_537])
def test_sizes_around_full_tiles(size) -> None:
    leaves = [n.to_bytes(32, "big") for n in range(size)]
    root = mth(leaves)
    assert merkle.root(leaves) == root
    tree = merkle.over(leaves)
    for index in {0, 1, 254, 255, 256, size - 2, size - 1} & set(range(size)):
        proof = merkle.inclusion_proof(index, size, tree)
        assert merkle.verify_inclusion(index, size, leaves[index], proof, root)
    for old in {1, 128, 255, 256, size - 1} & set(range(size)):
        proof = merkle.consistency_proof(old, size, tree)
        assert merkle.verify_consistency(old, size, proof, mth(leaves[:old]), root)


@given(size=st.integers(1, 3000), data=st.data())
@settings(max_examples=30, deadline=None)
def test_random_sizes(size, data) -> None:
    leaves = [n.to_bytes(32, "little") for n in range(size)]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(0, size))
    tree, root = merkle.over(leaves), mth(leaves)
    assert merkle.root(leaves) == root
    proof = merkle.inclusion_proof(index, size, tree)
    assert merkle.verify_inclusion(index, size, leaves[index], proof, root)
    proof = merkle.consistency_proof(old, size, tree)
    assert merkle.verify_consistency(old, size, proof, mth(leaves[:old]), root)


def test_there_is_no_proof_of_what_is_not_there() -> None:
    for index, size in [(-1, 3), (3, 3), (0, 0)]:
        with pytest.raises(ValueError, match="no leaf"):
            merkle.inclusion_proof(index, size, TREE)
        assert not merkle.verify_inclusion(index, size, SOME, [], SOME)
    with pytest.raises(ValueError, match="larger"):
        merkle.consistency_proof(3, 2, TREE)


def test_sizes_beyond_all_measure_are_answered_at_once() -> None:
    huge = 1 << 20_000
    assert not merkle.verify_inclusion(huge - 1, huge, SOME, [SOME] * 64, SOME)
    assert not merkle.verify_consistency(huge - 1, huge, [SOME] * 64, SOME, SOME)
