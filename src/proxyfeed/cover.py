"""
Fewer prefixes for a set, at the price of addresses that nobody listed; as few of those as can be.

Prefixes may be replaced by the one that they have in common: 20.0.0.0/24 and 20.0.2.0/24 by
20.0.0.0/22, one entry less and 512 addresses more. All such replacements form a tree: its leaves
are the listed prefixes, its inner nodes what neighbours have in common. It is pruned at its weakest
link, the node that adds the fewest addresses for each prefix that it saves, then at the weakest
link of what is left: the cost-complexity pruning of CART (Breiman, Friedman, Olshen, Stone 1984,
chapter 3); for the problem see Soldo, Argyraki, Markopoulou, "Optimal source-based filtering of
malicious traffic" (IEEE/ACM Transactions on Networking, 2012).

After each link the cover is optimal for its size: no other of as many prefixes adds fewer
addresses. A link that saves several prefixes at once may step over the number that was asked for.
Then a part of it is taken back, and what is added too much is at most the slope of that link, in
addresses for each prefix, times the prefixes that it saved too many.

A family counts by its own size: one address more of a million is a millionth. One prefix of IPv6
holds more addresses than all of IPv4, so that a sum of both would mean nothing.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, heapreplace

from proxyfeed.notation import BITS, make_key
from proxyfeed.prefixes import FAMILIES, PrefixSet

# A link is its slope and its node in one integer, which sorts as the pair would.
_NODE_BITS = 25
_NODE = (1 << _NODE_BITS) - 1
# Two different fractions whose denominators are below 2**24 lie more than 2**-48 apart, so that
# slopes with so many binary places are in the right order, which floats of IPv6 would not be.
_PLACES = 48
_MILLION = 1_000_000
# In the place of a node: space that is forbidden, or has some of it inside.
_NONE = -1


@dataclass(frozen=True, slots=True)
class Ground:
    """
    Where covers may spread: not into *forbidden* space, and by no prefix that is shorter than
    *widest* of its family, other than two that may be there side by side.
    """

    forbidden: PrefixSet
    widest: Mapping[int, int]


def cover_of_size(content: PrefixSet, most: int, ground: Ground) -> PrefixSet:
    """
    Cover *content* by at most so many prefixes, both families together, with the fewest addresses
    added. Where the ground does not allow so few, it is the smallest cover that there is.
    """
    if len(content) <= most:
        return content
    forest = _Forest(content, ground)
    for node in forest.links():
        forest.prune(node)
        if forest.prefixes <= most:
            forest.grow_back(node, most - forest.prefixes)
            break
    return forest.cover()


def cover_within(content: PrefixSet, share: float, ground: Ground) -> PrefixSet:
    """
    Cover *content* by few prefixes that add at most that *share* of the addresses of each family.

    It is optimal until the first link that does not fit any more: that one is passed over, and what
    is left of the share is filled greedily.
    """
    found = []
    for family in FAMILIES:
        part = content.family(family)
        # Integers all the way, as in the guard: 100 * 0.29 is less than 29.
        budget = part.addresses * round(share * _MILLION) // _MILLION
        forest = _Forest(part, ground)
        for node in forest.links():
            if forest.price(node) <= budget:
                budget -= forest.price(node)
                forest.prune(node)
        found.append(forest.cover().keys(family))
    return PrefixSet(*found)


class _Forest:
    """
    The trees of common prefixes, as lists in post-order: behind the nodes of its left subtree and
    of its right subtree comes the node itself, so that the right child of node 7 is node 6, and the
    left child the one before `_first` of 6.

    There is no node for a prefix that must not be used, so there are several trees: their roots are
    the smallest cover. *prefixes* is how many the present cover has.
    """

    def __init__(self, content: PrefixSet, ground: Ground) -> None:
        self.prefixes = len(content)
        self._key: list[int] = []
        self._first = array("i")  # of the nodes of its subtree
        self._parent = array("i")
        self._whole: list[int] = []  # what it adds in the place of its whole subtree
        self._extra: list[int] = []  # what its subtree adds as it is now
        self._count = array("i")  # how many prefixes its subtree has now
        free = ground.forbidden - content
        sizes = [content.family(family).addresses or 1 for family in FAMILIES]
        self._border = 0  # where the nodes of IPv6 begin
        for family, weight in zip(FAMILIES, reversed(sizes), strict=True):
            self._border = len(self._key)
            self._plant(family, content.keys(family), free.keys(family), ground, weight)
        self._is_inside = bytearray(len(self._key))  # of a node that was pruned
        self._is_cut = bytearray(first == node for node, first in enumerate(self._first))

    def _plant(
        self,
        family: int,
        listed: tuple[int, ...],
        forbidden: tuple[int, ...],
        ground: Ground,
        weight: int,
    ) -> None:
        """
        Make the nodes of one family. A stack holds the nodes to the left of the present one that
        wait for their right neighbour, with the length of the prefix that they have in common.
        """
        bits, widest = BITS[family], ground.widest[family]
        closed = frozenset(forbidden)
        stack: list[tuple[int, int]] = []
        node, before = _NONE, 0
        for place, key in enumerate(sorted((*listed, *forbidden))):
            if place:
                common = bits - ((key ^ before) >> 8).bit_length()
                while stack and stack[-1][0] > common:
                    node = self._join(family, *stack.pop(), node, widest, weight)
                stack.append((common, node))
            before = key
            node = _NONE if key in closed else self._add(key, len(self._key), 0, 1)
        while stack:
            node = self._join(family, *stack.pop(), node, widest, weight)

    def _join(
        self, family: int, length: int, left: int, right: int, widest: int, weight: int
    ) -> int:
        if left == _NONE or right == _NONE:
            return _NONE
        # Two /19 side by side are a /18 in any case, and count as one prefix.
        half = length + 1
        if length < widest and not self._key[left] & 0xFF == self._key[right] & 0xFF == half:
            return _NONE
        key = make_key(family, self._key[left] >> 8, length)
        bits = BITS[family]
        whole = weight << (bits - length)
        for child in (left, right):
            whole -= (weight << (bits - (self._key[child] & 0xFF))) - self._whole[child]
        node = self._add(key, self._first[left], whole, self._count[left] + self._count[right])
        self._parent[left] = self._parent[right] = node
        return node

    def _add(self, key: int, first: int, whole: int, count: int) -> int:
        self._key.append(key)
        self._first.append(first)
        self._parent.append(_NONE)
        self._whole.append(whole)
        self._extra.append(0)
        self._count.append(count)
        return len(self._key) - 1

    def price(self, node: int) -> int:
        """
        What pruning there adds now, in addresses times those of the other family.
        """
        return self._whole[node] - self._extra[node]

    def links(self) -> Iterator[int]:
        """
        The weakest link, as often as it is asked for; the caller prunes there, or passes it over.

        Pruning below a node never makes its link weaker: what was found once is a lower bound, and
        is computed again only when it comes to the top.
        """
        inner = (node for node, first in enumerate(self._first) if first != node)
        heap = [self._link(node) for node in inner]
        heapify(heap)
        while heap:
            node = heap[0] & _NODE
            if self._is_inside[node]:
                heappop(heap)
            elif (link := self._link(node)) > heap[0]:
                heapreplace(heap, link)
            else:
                heappop(heap)
                yield node

    def _link(self, node: int) -> int:
        slope = (self.price(node) << _PLACES) // (self._count[node] - 1)
        return slope << _NODE_BITS | node

    def prune(self, node: int) -> None:
        """
        Put one prefix in the place of a subtree.
        """
        price, saved = self.price(node), self._count[node] - 1
        first = self._first[node]
        self._is_inside[first:node] = b"\1" * (node - first)
        self._is_cut[node] = True
        self.prefixes -= saved
        above = node
        while above != _NONE:
            self._extra[above] += price
            self._count[above] -= saved
            above = self._parent[above]

    def grow_back(self, node: int, spare: int) -> None:
        """
        Take a part of the last pruning back, for as many prefixes as are to *spare*: always where
        two halves in the place of one prefix leave out the most.
        """
        heap = [(0, node)]
        for _ in range(spare):
            _, node = heappop(heap)
            right = node - 1
            left = self._first[right] - 1
            self._is_cut[node] = False
            for child in (left, right):
                self._is_cut[child] = True
                if self._first[child] != child:
                    heappush(heap, (-self._gain(child), child))

    def _gain(self, node: int) -> int:
        right = node - 1
        return self._whole[node] - self._whole[right] - self._whole[self._first[right] - 1]

    def cover(self) -> PrefixSet:
        """
        The prefixes at which the trees are cut now.
        """
        found: tuple[list[int], list[int]] = ([], [])
        node = len(self._key) - 1
        while node >= 0:
            if self._is_cut[node]:
                found[node >= self._border].append(self._key[node])
                node = self._first[node]
            node -= 1
        return PrefixSet.from_keys(*found)
