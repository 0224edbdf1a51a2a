"""The command `bertbench matrix`: one benchmark in many environments, and which packages set them apart."""

from __future__ import annotations

import argparse
from pathlib import Path

from bertbench.cli_shared import EPILOG, Commands, add_gated_specs, add_store, output, say, status_of, told_gated_specs


def add_matrix(commands: Commands[argparse.ArgumentParser]) -> None:
    """Add `matrix` to the command line."""
    matrix = commands.add_parser(
        "matrix", help="the runs of a spec in many environments, side by side; runs nothing", epilog=EPILOG
    )
    matrix.add_argument("spec", nargs="*", metavar="SPEC", help="TOML file, or name of a spec that ran (all that ran)")
    matrix.add_argument("--commit", metavar="COMMIT", help="of the spec's repository (that of the newest run)")
    matrix.add_argument(
        "--reference",
        metavar="NAME",
        help="environment that the others are held against, or the beginning of its name (the newest of native on "
        "TensorFlow)",
    )
    add_gated_specs(matrix)
    matrix.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables here, as a page")
    matrix.add_argument("--json", type=Path, metavar="FILE", help="write the tables here")
    add_store(matrix)
    matrix.set_defaults(command=_matrix)


def _matrix(options: argparse.Namespace) -> int:
    from bertbench.matrix.building import build_matrices
    from bertbench.matrix.choosing import choose
    from bertbench.report.matrix_files import write_json, write_markdown
    from bertbench.report.matrix_table import matrix_lines, matrix_table
    from bertbench.store import Store

    store = Store(options.store)
    chosen = choose(store, options.spec, commit=options.commit)
    gated_specs = told_gated_specs(options, [Path(spec).parent for spec in options.spec if spec.endswith(".toml")])
    matrices = build_matrices(chosen, store, reference=options.reference, gated_specs=gated_specs)
    for matrix in matrices:
        output().print(matrix_table(matrix))
        for line in matrix_lines(matrix):
            say(line)
    if options.markdown:
        write_markdown(options.markdown, matrices)
    if options.json:
        write_json(options.json, matrices)
    return status_of(matrix.outcome for matrix in matrices)
