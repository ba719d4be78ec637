"""Who may register as a worker."""

import warnings

import jwt
from attrs import field, frozen
from jwt.types import Options
from twisted.internet.interfaces import IReactorTime

from flamenco_mgr.domain.tokens import untimely

_SCHEME = "bearer "
_ALGORITHMS = ["HS256", "HS384", "HS512"]

_OPTIONS: Options = {
    # The times are checked by our own rule, on the injected clock; a Worker sends no other claims.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}


@frozen(kw_only=True)
class Registration:
    """What a new worker says of itself."""

    secret: str = field(repr=False)
    platform: str = ""
    supported_task_types: tuple[str, ...] = ()
    nickname: str = ""


@frozen(kw_only=True)
class RegistrationGuard:
    """Lets everybody register, or with a pre-shared secret those whose token it signs (worker-api.md 3.2)."""

    secret: str = field(repr=False)
    clock: IReactorTime

    @property
    def is_open(self) -> bool:
        """Whether anybody may register."""
        return not self.secret

    def refusal(self, authorization: str | None) -> str | None:
        """Return why a registration with this ``Authorization`` header is refused, or None if it is not."""
        if self.is_open:
            return None
        if authorization is None or not authorization.lower().startswith(_SCHEME):
            return "Missing Bearer token for registration"
        try:
            claims = _decode(authorization[len(_SCHEME) :], self.secret)
        except (jwt.InvalidTokenError, UnicodeError):
            return "Invalid Bearer token for registration: it is not signed with this Manager's registration secret"
        why = untimely(claims, self.clock.seconds())
        return f"Invalid Bearer token for registration: {why}" if why else None


def _decode(token: str, secret: str) -> dict[str, object]:
    with warnings.catch_warnings():
        # A short secret is the operator's choice, and no reason to tell every worker's token.
        warnings.simplefilter("ignore", jwt.InsecureKeyLengthWarning)
        claims: dict[str, object] = jwt.decode(token, secret.encode(), algorithms=_ALGORITHMS, options=_OPTIONS)
    return claims
