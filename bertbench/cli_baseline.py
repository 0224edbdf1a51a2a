"""The commands about baselines: `bertbench baseline accept | list | show | diff` and `bertbench compare`."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bertbench.cli_shared import (
    EPILOG,
    PASS,
    Commands,
    add_gated_specs,
    add_store,
    output,
    print_verdict,
    say,
    status_of,
)
from bertbench.errors import SideError

if TYPE_CHECKING:
    from bertbench.baseline import Baseline
    from bertbench.comparing import Against
    from bertbench.suite import Benchmark

#: Fewer seeds say nothing of quality where bits differ; `bertbench.stats.SMALLEST_BANK`, without loading scipy.
_BANK = 20
_ROLLING = "rolling"
#: Runs named in one line.
_SHOWN = 5
#: No name given: rolling, and reference where there is one.
_USUAL = ""
#: Where baselines are looked for if nobody says which spec they are of.
_USUAL_FOLDERS = (Path("baselines"), Path("benchmarks/baselines"))


def add_compare_options(parser: argparse.ArgumentParser) -> None:
    """What to compare a run with: `--compare [NAME]` and what goes with it."""
    parser.add_argument(
        "--compare",
        nargs="?",
        const=_USUAL,
        metavar="NAME[,NAME...]",
        help="compare with these baselines ('rolling', and 'reference' where there is one, if no name is given and "
        "the project declares none); further seeds are run as far as the verdict needs them",
    )
    parser.add_argument(
        "--speed-base",
        metavar="SIDE",
        help="with --compare: git:REV or path/to/python that the step is held against, or none to leave speed "
        "undecided today (bertbench_speed_base of the project's pytest settings, else speed is not gated)",
    )
    parser.add_argument(
        "--speed-budget", metavar="TIME", help="time for a spec's pairs: 90s, 20m (bertbench_speed_budget, else 10m)"
    )
    _add_folder(parser)
    add_gated_specs(parser)


def against_of(options: argparse.Namespace, specs: Iterable[Path]) -> Against | None:
    """What the options and the project of *specs* ask to compare with, and says what the project does; None if nothing.

    Raises:
        BaselineError: If a name can be none.
        ProjectError: If what the project declares cannot be read or meant.
        SideError: If a side for speed is given and nothing is compared.
    """
    if options.compare is None:
        if options.speed_base is not None or options.speed_budget is not None:
            raise SideError("--speed-base and --speed-budget: --compare was not given", remedy="give --compare, too")
        return None
    from bertbench.comparing import Against
    from bertbench.project import names_in, project_of

    project = project_of(
        [spec.parent for spec in specs],
        gated_specs=options.gated_specs,
        speed_base=options.speed_base,
        speed_budget=options.speed_budget,
    )
    against = Against(
        names_in(options.compare),
        declared=project.baselines,
        gated_specs=project.gated_specs,
        folder=options.baselines,
        speed=project.speed,
    )
    for line in project.told:
        say(line)
    return against


def add_commands(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `compare` and `baseline` to the command line."""
    compare = commands.add_parser("compare", help="hold a run against a baseline, without running", epilog=EPILOG)
    compare.add_argument("spec", type=Path, metavar="SPEC", help="TOML file")
    compare.add_argument(
        "run", nargs="?", metavar="RUN", help="id or its beginning (the newest, with all that ran the same code)"
    )
    compare.add_argument(
        "--name",
        dest="compare",
        default=_USUAL,
        metavar="NAME[,NAME...]",
        help="baselines (those that the project declares, else rolling, and reference where there is one)",
    )
    compare.add_argument("--json", type=Path, metavar="FILE", help="write the result here")
    _add_folder(compare)
    add_gated_specs(compare)
    add_store(compare)
    compare.set_defaults(command=_compare, speed_base=None, speed_budget=None)
    baseline = commands.add_parser("baseline", help="accept, list, show or diff baselines", epilog=EPILOG)
    parts = baseline.add_subparsers(title="commands", metavar="COMMAND", required=True)
    accept = parts.add_parser("accept", help="make the runs of a spec its baseline", epilog=EPILOG)
    _add_spec_and_name(accept)
    _add_runs(accept)
    accept.add_argument("--replace", action="store_true", help="put it in place of a reference that is kept")
    accept.set_defaults(command=_accept)
    listed = parts.add_parser("list", help="one line for each baseline", epilog=EPILOG)
    listed.add_argument("spec", type=Path, nargs="?", metavar="SPEC", help="TOML file; only its baselines")
    _add_folder(listed)
    listed.set_defaults(command=_list)
    show = parts.add_parser("show", help="the seeds of a spec's baselines", epilog=EPILOG)
    _add_spec_and_name(show)
    show.set_defaults(command=_show)
    diff = parts.add_parser("diff", help="what accepting now would change", epilog=EPILOG)
    _add_spec_and_name(diff)
    diff.add_argument("--to", metavar="NAME", help="another baseline, in place of what would be accepted now")
    _add_runs(diff)
    diff.set_defaults(command=_diff)


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--baselines", type=Path, metavar="FOLDER", help="baselines (beside the folder of the specs)")


def _add_spec_and_name(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("spec", type=Path, metavar="SPEC", help="TOML file")
    parser.add_argument("--name", default=_ROLLING, metavar="NAME", help="rolling, reference or your own (rolling)")
    _add_folder(parser)


def _add_runs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--runs", nargs="+", default=[], metavar="RUN", help="only these (all completed of the recipe)")
    add_store(parser)


def _compare(options: argparse.Namespace) -> int:
    from bertbench.gathering import candidate_to_compare
    from bertbench.report.summary import write_summary
    from bertbench.store import Store
    from bertbench.suite import Result, load_benchmark, with_comparison

    benchmark, against, store = load_benchmark(options.spec), against_of(options, [options.spec]), Store(options.store)
    candidate, left_out = candidate_to_compare(benchmark.spec, store, options.run)
    for reason in dict.fromkeys(left_out.values()):
        say(f"left out, since {reason}: {_few([run for run, why in left_out.items() if why == reason])}")
    ran = Result(benchmark, candidate.first, None, (), further=candidate.records[1:])
    result = with_comparison(ran, store, against, book=True)
    print_verdict([result])
    if options.json:
        write_summary(options.json, [result])
    return status_of([result.outcome])


def _few(runs: Sequence[str]) -> str:
    """The newest of some runs, and how many more."""
    more = f" and {len(runs) - _SHOWN} older" if len(runs) > _SHOWN else ""
    return ", ".join(runs[-_SHOWN:]) + more


def _accept(options: argparse.Namespace) -> int:
    from bertbench.baseline import REFERENCE, baseline_name, baseline_path, refuse_second_reference, write_baseline

    name = baseline_name(options.name)
    benchmark = _benchmark(options)
    baseline, folder = _proposed(options, benchmark), options.baselines or benchmark.baselines_folder
    numerics = baseline.numerics_fingerprint
    place = baseline_path(folder, name, spec=baseline.spec, numerics_fingerprint=numerics)
    if name == REFERENCE and not options.replace:
        refuse_second_reference(place, spec=baseline.spec)
    replaced = place.exists()
    path = write_baseline(folder, name, baseline)
    say(f"{path}: {'replaced' if replaced else 'written'}: {_in_words(baseline)}")
    if len(baseline.seeds) < _BANK:
        again = "again with --replace" if name == REFERENCE else "again"
        say(
            f"{len(baseline.seeds)} seeds show whether bits are the same; where they differ, quality needs {_BANK}: "
            f"bertbench run {options.spec} --seeds 0-{_BANK - 1}, then accept {again}"
        )
    say("review it like code, and commit it")
    return PASS


def _in_words(baseline: Baseline) -> str:
    from bertbench.report.baseline_table import baseline_facts

    return "; ".join(baseline_facts(baseline)[1:])


def _list(options: argparse.Namespace) -> int:
    from bertbench.baseline import baseline_files
    from bertbench.errors import BaselineAbsentError
    from bertbench.report.baseline_table import baseline_list
    from bertbench.suite import load_benchmark

    benchmark = load_benchmark(options.spec) if options.spec else None
    usual = next((folder for folder in _USUAL_FOLDERS if folder.is_dir()), _USUAL_FOLDERS[0])
    folder = options.baselines or (benchmark.baselines_folder if benchmark else usual)
    names = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    spec = benchmark.spec.name if benchmark else None
    files = [path for name in names for path in baseline_files(folder, name, spec=spec)]
    if not files:
        raise BaselineAbsentError(
            f"{folder}: holds no baselines{f' of {spec}' if spec else ''}", remedy="bertbench baseline accept SPEC"
        )
    output().print(baseline_list(files))
    return PASS


def _show(options: argparse.Namespace) -> int:
    from bertbench.report.baseline_table import baseline_facts, baseline_seeds

    for baseline in _accepted(options, options.name):
        for line in baseline_facts(baseline):
            say(line)
        output().print(baseline_seeds(baseline))
    return PASS


def _diff(options: argparse.Namespace) -> int:
    from bertbench.baseline import baseline_text, find_baseline
    from bertbench.verdict.recipe_difference import differing_fields

    benchmark = _benchmark(options)
    folder = options.baselines or benchmark.baselines_folder
    if options.to:
        new, new_name = _accepted(options, options.to)[-1], options.to
    else:
        new, new_name = _proposed(options, benchmark), "what would be accepted"
    old = find_baseline(folder, options.name, spec=benchmark.spec.name, numerics_fingerprint=new.numerics_fingerprint)
    if not options.to:  # that it would be accepted at another time is no difference
        new = new.model_copy(update={"accepted_at": old.accepted_at})
    before, after = (baseline_text(side).splitlines() for side in (old, new))
    sides = (f"in {options.name}", f"in {options.to}" if options.to else "now")
    for field in differing_fields(old.recipe, new.recipe, sides=sides):
        say(f"recipe: {field}")
    lines = list(difflib.unified_diff(before, after, options.name, new_name, n=0, lineterm=""))
    say("\n".join(lines) or f"{options.name} and {new_name} are the same")
    return PASS


def _benchmark(options: argparse.Namespace) -> Benchmark:
    from bertbench.suite import load_benchmark

    return load_benchmark(options.spec)


def _proposed(options: argparse.Namespace, benchmark: Benchmark) -> Baseline:
    """What would be accepted; says which runs were left out."""
    from bertbench.gathering import propose_baseline
    from bertbench.store import Store

    proposal = propose_baseline(benchmark.spec, Store(options.store), runs=options.runs)
    if proposal.left_out:
        say(f"left out, since data, weights, version or factory are others: {', '.join(proposal.left_out)}")
    return proposal.baseline


def _accepted(options: argparse.Namespace, name: str) -> list[Baseline]:
    """All baselines of a spec under one name, the one accepted last at the end.

    Raises:
        BaselineAbsentError: If there is none.
    """
    from bertbench.baseline import baseline_files, read_baseline
    from bertbench.errors import BaselineAbsentError

    benchmark = _benchmark(options)
    folder = options.baselines or benchmark.baselines_folder
    files = baseline_files(folder, name, spec=benchmark.spec.name)
    if not files:
        raise BaselineAbsentError(
            f"{folder / name}: holds no baseline of {benchmark.spec.name}",
            remedy=f"bertbench baseline accept {options.spec} --name {name}",
        )
    return sorted((read_baseline(path) for path in files), key=lambda baseline: baseline.accepted_at)
