"""What sets the groups apart, in words that say no more than ran."""

from __future__ import annotations

import pytest

from bertbench.matrix.wording import separation


def said(environments: list[dict[str, str | None]], groups: str, settings: list[dict[str, str]] | None = None) -> str:
    names = [f"env{number}" for number in range(len(environments))]
    return "\n".join(separation(names, environments, list(groups), settings=settings or [{}] * len(environments)))


def of(package: str, *versions: str | None) -> list[dict[str, str | None]]:
    return [{package: version} for version in versions]


def test_a_bound_is_a_version_that_ran() -> None:
    assert said(of("keras", "3.12.4", "3.15.1", "3.15.1"), "ABB") == (
        "all environments with keras < 3.15.1 share one digest (A: 1 environment), all with keras >= 3.15.1 share one "
        "digest (B: 2 environments); nothing between 3.12.4 and 3.15.1 ran"
    )


def test_versions_are_ordered_as_versions() -> None:
    """As text 3.9 comes after 3.10."""
    assert "python < 3.10.13" in said(of("python", "3.9.1", "3.10.13", "3.11.0rc1"), "ABB")


def test_a_group_in_the_middle_has_two_bounds() -> None:
    text = said(of("keras", "3.11", "3.12", "3.13", "3.14"), "ABBC")
    assert "keras < 3.12 share" in text
    assert "keras >= 3.12 and < 3.14 share" in text
    assert "keras >= 3.14 share" in text
    assert "with keras 3.12 share" in said(of("keras", "3.11", "3.12", "3.14"), "ABC")


@pytest.mark.parametrize("versions", [("2.19", "2.20", "2.21"), ("2.19", None, "2.21"), ("2.19", "nightly", "2.21")])
def test_versions_that_are_in_no_row_are_listed(versions: tuple[str | None, ...]) -> None:
    text = said(of("tensorflow", *versions), "ABA")
    assert "tensorflow decides which environments share a digest" in text
    assert "tensorflow 2.19 or 2.21: A (2 environments)" in text
    assert f"tensorflow {versions[1] or 'absent'}: B (1 environment)" in text


def test_packages_that_changed_together_are_ties() -> None:
    environments = [
        {"numpy": "2.1", "python": "3.10", "keras": "3.12"},
        {"numpy": "2.4", "python": "3.11", "keras": "3.15"},
    ]
    first, ties = said(environments, "AB").splitlines()
    assert first.startswith("all environments with keras < 3.15")  # what people suspect first
    assert ties == (
        "numpy or python would do as well; an environment with keras 3.12 and numpy 2.4 would tell them apart"
    )


def test_two_packages_together() -> None:
    environments = [{"keras": keras, "numpy": numpy} for keras in ("3.12", "3.15") for numpy in ("2.1", "2.4")]
    text = said(environments, "ABBA")
    assert "keras and numpy together decide" in text
    assert "A: keras 3.12 with numpy 2.1, or keras 3.15 with numpy 2.4" in text


def test_one_group_says_what_made_no_difference() -> None:
    environments = [{"keras": "3.15", "python": "3.11"}, {"keras": "3.15", "python": "3.12"}]
    assert said(environments, "AA") == "all 2 environments share one digest (A), whatever their python"
    assert said(environments[:1], "A") == ""


def test_no_set_of_packages_and_what_differs_instead() -> None:
    settings = [{"threads": "1"}, {"threads": "2"}]
    text = said([{"keras": "3.15"}] * 2, "AB", settings)
    assert "no set of packages separates the groups: env0 (A) and env1 (B) have the same versions" in text
    assert "differ in threads 1 against 2" in text


def test_the_same_in_everything_is_not_reproducible() -> None:
    assert "the same environment does not come to the same bits" in said([{"keras": "3.15"}] * 2, "AB")
