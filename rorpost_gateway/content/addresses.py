"""Mail addresses in running text, however mail clients write them down beside a name."""

import re

# [^...] rather than a list of what may stand in an address: an address in any script is one.
_ATOM = r"[^\s<>()\[\]:;,@\"\\|]"
_ADDRESS = re.compile(rf"(?<!{_ATOM})({_ATOM}++)@({_ATOM}++)")
_LONGEST = 320


def addresses_in(text: str) -> frozenset[str]:
    """Every address in `text`, lower case."""
    if "@" not in text:
        return frozenset()
    found = (_address(match[1], match[2]) for match in _ADDRESS.finditer(text))
    return frozenset(address for address in found if address)


def _address(local: str, domain: str) -> str:
    local, domain = local.strip("'*_`.").lower(), domain.strip("'*_`.?!").lower()
    if not local or "." not in domain or len(local) + len(domain) >= _LONGEST:
        return ""
    return f"{local}@{domain}"
