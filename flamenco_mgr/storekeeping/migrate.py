"""A farm moves from one store to another."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

from attrs import frozen

from flamenco_mgr.store.sqlite.opening import FILE
from flamenco_mgr.storekeeping import embedded, filling, mongo, mongo_target
from flamenco_mgr.storekeeping.digests import Sums
from flamenco_mgr.storekeeping.embedded_source import EmbeddedSource
from flamenco_mgr.storekeeping.looking import Look
from flamenco_mgr.storekeeping.mongo_source import MongoSource
from flamenco_mgr.storekeeping.progress import IProgress
from flamenco_mgr.storekeeping.records import Source
from flamenco_mgr.storekeeping.replacing import put_in_place
from flamenco_mgr.storekeeping.restore import sync
from flamenco_mgr.storekeeping.stores import Embedded, OnMongoDB, Store
from flamenco_mgr.storekeeping.trouble import NotDone


@frozen(kw_only=True)
class Migrated:
    """What both stores hold now; ``left_out`` as of `Source`."""

    source: Sums
    target: Sums
    left_out: int = 0


def migrate(source: Store, target: Store, *, now: float, progress: IProgress) -> Migrated:
    """
    Fill an empty store with what is in another one, neither of which a Manager uses meanwhile; the source stays.

    It can be done again after it was interrupted: what it has left half done in the target it knows as its own, and
    begins anew. Raises `NotDone`.
    """
    if source == target:
        raise NotDone("both are the same store")
    with _unused(source) as records:
        if isinstance(target, Embedded):
            return _into_embedded(records, target, now, progress)
        return _into_database(records, target, progress)


def _into_embedded(source: Source, target: Embedded, now: float, progress: IProgress) -> Migrated:
    with embedded.without_manager(target.directory), filling.drafts(target.directory) as scratch:
        if target.path.exists() and not embedded.is_empty(target.path):
            raise NotDone(f"{target.shown} is not empty; name another directory, or move it away")
        looked = Look(progress=progress).at(source, "reading")
        draft = scratch / FILE
        written = filling.filled_file(draft, source, looked, progress)
        sync(draft)
        _nobody_came(source)
        kept = put_in_place(draft, target.directory, now)
        if kept is not None:  # it was empty
            kept.unlink()
    return Migrated(source=looked.sums, target=written, left_out=source.left_out)


def _into_database(source: Source, target: OnMongoDB, progress: IProgress) -> Migrated:
    with mongo.connected(target) as database:
        noted = mongo_target.filling(database)
        if noted is None:
            mongo.form_of(database, target.shown)
            if not mongo_target.is_empty(database):
                raise NotDone(f"{target.shown} is not empty; name another database, or drop it")
        elif noted.get("source") != source.about() or noted.get("kept"):
            raise NotDone(
                f"{target.shown} was to be filled from {noted.get('source')}, and that has not come to its end; name"
                " another database, or drop it"
            )
        alone = mongo.without_manager(database, target.shown)
        looked = Look(progress=progress).at(source, "reading")
        mongo_target.begin(database, source.about())
        mongo_target.clear(database)
        written = filling.fill_database(database, target.shown, source, looked, progress)
        _nobody_came(source)
        mongo.still_unused(database, target.shown, alone)
        mongo_target.end(database)
    return Migrated(source=looked.sums, target=written, left_out=source.left_out)


@contextmanager
def _unused(store: Store) -> Iterator[Source]:
    """Give what is in a store that no Manager uses."""
    if isinstance(store, OnMongoDB):
        with MongoSource.connected(store) as source:
            source.began = mongo.without_manager(source.database, store.shown)
            yield source
        return
    path = embedded.store_of(store.directory)
    with embedded.without_manager(store.directory), closing(embedded.reading(path)) as connection:
        connection.execute("BEGIN")
        yield EmbeddedSource.of(connection, store.shown)


def _nobody_came(source: Source) -> None:
    """See that no Manager was started on the source, which nothing prevents on MongoDB."""
    if isinstance(source, MongoSource) and source.began is not None:
        mongo.still_unused(source.database, source.shown, source.began)
