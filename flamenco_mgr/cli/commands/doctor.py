"""``flamenco-manager doctor``: whether everything is in order."""

from collections.abc import Iterator

import click

from flamenco_mgr.cli.invocation import Invocation
from flamenco_mgr.cli.outcome import ExitStatus, WrongUsage
from flamenco_mgr.cli.output import Output, Record
from flamenco_mgr.cli.shape import StoreCommand
from flamenco_mgr.cli.store_work import doing, let_others_go_first, now
from flamenco_mgr.settings import ConfigErrors, NoConfigFile, find_config, load
from flamenco_mgr.storekeeping.doctor import Doctor, misconfigured
from flamenco_mgr.storekeeping.findings import Diagnosis, Weight


@click.command(cls=StoreCommand)
@click.option("--repair", is_flag=True, help="Mend what can be mended safely.")
@click.pass_obj
def doctor(invocation: Invocation, *, repair: bool) -> ExitStatus:
    """
    Examine the store, whether the Manager runs or not, and what the Manager stands on.

    Ends with 1 if there is damage that was not mended; warnings alone are no damage.
    """
    let_others_go_first(invocation)
    with doing(invocation):
        found = _diagnosis(invocation, repair=repair)
    if invocation.as_json:
        invocation.output.document({"damaged": found.is_damaged, "findings": list(_documents(found))})
    else:
        _tell(invocation.output, found)
    return ExitStatus.REFUSED if found.is_damaged else ExitStatus.DONE


def _diagnosis(invocation: Invocation, *, repair: bool) -> Diagnosis:
    try:
        config = find_config(invocation.config, invocation.environment, invocation.rundir)
        loaded = load(config, invocation.rundir)
    except NoConfigFile as e:
        raise WrongUsage(f"{e} Go to the Manager's run directory, or name the file (--config).") from e
    except OSError as e:
        raise WrongUsage(f"The configuration file {e.filename} cannot be read: {e.strerror}") from e
    except ConfigErrors as e:
        return misconfigured(e)
    return Doctor(config=config, settings=loaded.settings, doubts=loaded.warnings, now=now).diagnosis(repair=repair)


def _documents(found: Diagnosis) -> Iterator[Record]:
    for mended, findings in ((True, found.mended), (False, found.left)):
        for finding in findings:
            yield {
                "weight": finding.weight.value,
                "topic": finding.topic.value,
                "key": finding.key,
                "text": finding.text,
                "advice": finding.advice,
                "mended": mended,
                "mendable": finding.mendable,
            }


def _tell(output: Output, found: Diagnosis) -> None:
    for finding in found.mended:
        output.say(f"Mended   {finding.text}")
    for finding in sorted(found.left, key=lambda one: one.weight is not Weight.DAMAGE):
        output.say(f"{finding.weight.value.capitalize():<8} {finding.text}")
        output.say(f"{'':<8} {finding.advice}")
    if not found.left:
        output.say("All is in order.")
