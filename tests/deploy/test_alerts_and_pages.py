"""Alerts, dashboards and runbooks are held to the node: each name in them is one that a running node shows,
each alert has a case that fires it and a page that explains it, and each command on a page exists."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.samples import Sample
from typer.main import get_command
from typer.testing import CliRunner

import adapters
import protocol
import service
from service.api.app import ROUTERS
from service.app import _kept_running
from service.cli.main import app
from service.exchange.clocks import _CAUSES, GUARDIAN, NOTIFICATION
from service.metrics import PUBLISH_FAILURES, UNTIMED, Metrics
from service.monitor.dwell import dwell
from service.monitor.gauges import Gauges
from service.routing.hub_watch import HubMetrics
from tests.service.exchange_pair import open_pair

ROOT = Path(__file__).resolve().parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RULES = sorted(PROMETHEUS.glob("*.rules.yaml"))
CASES = sorted((PROMETHEUS / "tests").glob("*.yaml"))
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
PAGES = {page.stem: page.read_text("utf-8") for page in (ROOT / "docs/operations/runbooks").glob("*.md")}
INDEX = PAGES.pop("README")
METRICS_PAGE = (ROOT / "docs/operations/metrics.md").read_text("utf-8")

NAME = re.compile(r"\bfp_[a-z0-9_]+")
MATCHER = re.compile(r"(fp_[a-z0-9_]+)\{([^}]*)\}")
BY = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
GIVEN_BY_PROMETHEUS = {"instance", "job", "le", "alertname", "alertstate"}


def rules() -> list[dict[str, Any]]:
    return [
        rule
        for file in RULES
        for group in yaml.safe_load(file.read_text())["groups"]
        for rule in group["rules"]
    ]


def alerts() -> list[dict[str, Any]]:
    return [rule for rule in rules() if "alert" in rule]


def queries() -> Iterator[tuple[str, str]]:
    """Where it is, and what it says."""
    for rule in rules():
        yield rule.get("alert", rule.get("record")), rule["expr"]
    for file in DASHBOARDS:
        for panel in json.loads(file.read_text("utf-8"))["panels"]:
            for target in panel.get("targets", ()):
                yield f"{file.stem}: {panel['title']}", target["expr"]


def page_of(alert: dict[str, Any]) -> str:
    return Path(alert["annotations"]["runbook"]).stem


def shown_names(exposition: str) -> set[str]:
    """Every series that the text may have, from its TYPE lines: also those that have no value yet."""
    found: set[str] = set()
    for name, kind in re.findall(r"^# TYPE (\S+) (\S+)$", exposition, re.M):
        found |= {f"{name}_{end}" for end in ("bucket", "count", "sum")} if kind == "histogram" else {name}
    return found


def labels_of(*registries: CollectorRegistry) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for registry in registries:
        for collector in list(registry._collector_to_names):
            labels = set(getattr(collector, "_labelnames", ()))
            for name in registry._collector_to_names[collector]:
                found[name] = labels
    return found


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names that a node shows once it has measured, and a hub's watch."""
    pair = open_pair(tmp_path_factory.mktemp("pair"))

    class Line:
        connected, generation = True, 1

    async def play() -> str:
        await pair.notify(await pair.open_case())
        gauges = Gauges(pair.it.node, Line())
        await gauges.measure()
        await gauges.watch()
        return pair.it.node.metrics.exposition().decode()

    text = asyncio.run(play())
    pair.close()
    return shown_names(text) | shown_names(generate_latest(HubMetrics().registry).decode())


# -- names


def test_every_metric_in_an_alert_a_dashboard_or_a_page_is_one_that_a_running_node_shows(
    running: set[str],
) -> None:
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    # A page speaks of a histogram by its name; a query asks for one of its parts.
    spoken_of = {name.removesuffix("_bucket") for name in running}
    places = [
        *((*one, running) for one in queries()),
        *((*one, running | spoken_of) for one in PAGES.items()),
    ]
    assert len(places) > 100
    for where, text, names in places:
        assert set(NAME.findall(text)) <= names, where
        assert set(re.findall(r"focalpoint:[a-z0-9_:]+", text)) <= recorded, where


def test_every_label_that_a_query_asks_for_is_one_of_that_metric() -> None:
    known = labels_of(Metrics().registry, HubMetrics().registry)
    for where, query in queries():
        for name, matchers in MATCHER.findall(query):
            asked = set(re.findall(r"([a-z_]+)\s*[=!]~?", matchers)) - GIVEN_BY_PROMETHEUS
            assert asked <= known[re.sub(r"_(bucket|count|sum)$", "", name) if name not in known else name], (
                where
            )
        every = set().union(
            *(known.get(re.sub(r"_(bucket|count|sum)$", "", name), set()) for name in NAME.findall(query))
        )
        every |= set().union(*(known.get(name, set()) for name in NAME.findall(query)))
        for group in BY.findall(query):
            assert {label.strip() for label in group.split(",")} - GIVEN_BY_PROMETHEUS <= every, where


def test_every_kind_of_stuck_thing_has_an_alert_unless_its_row_in_the_outbox_pages() -> None:
    """What has an alert of its own by another number is named here, so that nothing is forgotten."""
    by_another = {
        "outbox.queued",
        "outbox.released",
        "directory.half-life",
        "directory.expired",
        "directory.split",
    }
    by_another |= {"key.seal-identity"}
    asked = [
        re.compile(pattern)
        for _, query in queries()
        for pattern in re.findall(r'fp_stuck\{what=~?"([^"]+)"', query)
    ]
    left = {
        what
        for what, row in dwell().items()
        if row.most is not None and not any(one.fullmatch(what) for one in asked)
    }
    assert left == by_another
    for one in asked:
        assert any(one.fullmatch(what) for what in dwell()), f"{one.pattern} names nothing"


def test_the_page_of_metrics_has_each_metric_with_its_labels_and_no_other() -> None:
    written = {
        name: (kind, {label.strip("` ") for label in labels.split(",") if label.strip()})
        for name, kind, labels in re.findall(
            r"^\| `(fp_[a-z0-9_]+)` \| (\w+) \| ([^|]*) \|", METRICS_PAGE, re.M
        )
    }
    shown: dict[str, tuple[str, set[str]]] = {}
    for registry in (Metrics().registry, HubMetrics().registry):
        for collector in list(registry._collector_to_names):
            for family in collector.collect():
                name = f"{family.name}_total" if family.type == "counter" else family.name
                shown[name] = (family.type, set(getattr(collector, "_labelnames", ())))
    assert written == shown


def test_the_jobs_that_alerts_name_are_those_of_the_example() -> None:
    example = yaml.safe_load((PROMETHEUS / "prometheus.example.yaml").read_text())
    jobs = {job["job_name"] for job in example["scrape_configs"]}
    named = {job for _, query in queries() for job in re.findall(r'job="([^"]+)"', query)}
    assert named == jobs
    assert set(example["rule_files"]) == {file.name for file in RULES}


# -- what a node shows before anything has happened

INCREASE = re.compile(r"\b(?:increase|rate)\((fp_[a-z0-9_]+)(?:\{([^}]*)\})?\[")


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> CollectorRegistry:
    """A node on which nothing has happened yet, once it has begun and measured."""
    pair = open_pair(tmp_path_factory.mktemp("fresh"))

    class Line:
        connected, generation = True, 1

    async def idle() -> None:
        await asyncio.Event().wait()

    async def play() -> None:
        worker = asyncio.create_task(_kept_running(pair.it.node, "outbox", idle))
        await Gauges(pair.it.node, Line()).measure()
        await asyncio.sleep(0)
        worker.cancel()

    asyncio.run(play())
    pair.close()
    return pair.it.node.metrics.registry


def samples(name: str, *registries: CollectorRegistry) -> list[Sample]:
    return [
        one
        for registry in registries
        for family in registry.collect()
        for one in family.samples
        if one.name == name
    ]


def test_a_series_whose_increase_calls_somebody_is_there_before_it_counts(fresh: CollectorRegistry) -> None:
    """Of a series that begins with its first failure there is no increase: nobody would hear of the first."""
    asked = [found for rule in rules() for found in INCREASE.findall(rule["expr"])]
    assert len(asked) > 20
    for name, matchers in asked:
        assert not matchers, f"{name}: a series for each label that matches has to be there"
        found = samples(name, fresh, HubMetrics().registry)
        assert found, name
        assert {one.value for one in found} == {0.0}, name


def test_every_value_of_a_label_that_may_count_is_there_at_zero(fresh: CollectorRegistry) -> None:
    causes = {code for _, code in _CAUSES} | {"unexplained"}
    assert {one.labels["cause"] for one in samples("fp_clock_differences_total", fresh)} == causes
    link = (ROOT / "service/routing/nats.py").read_text("utf-8")
    codes = set(re.findall(r'(?:HubUnavailable|TooLarge)\(\s*"(hub\.[a-z_]+)"', link))
    shown = samples("fp_publish_failures_total", fresh)
    assert {one.labels["code"] for one in shown} == codes == set(PUBLISH_FAILURES)
    assert {one.labels["peer"] for one in shown} >= {"ro"}
    assert {one.labels["what"] for one in samples("fp_duty_overdue_seconds", fresh)} == {
        GUARDIAN,
        NOTIFICATION,
    }
    kinds = {one.labels["kind"] for one in samples("fp_hub_advisories", HubMetrics().registry)}
    assert kinds == JETSTREAM


def test_what_waits_on_purpose_is_outside_the_budget_for_latency() -> None:
    """Each call of the API that says how long it may last, and none that is not there."""
    routes = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    served = {(method, route.path_format): route for route in routes for method in route.methods}
    waits = {
        name
        for name, route in served.items()
        if {"wait", "seconds"} & {field.alias for field in route.dependant.query_params}
    }
    assert waits == {("GET", "/v1/messages"), ("GET", "/v1/notices"), ("GET", "/v1/events")}
    assert waits < UNTIMED <= set(served)
    for method, route in sorted(one for one in served if one[1].startswith("/v1/")):
        metrics = Metrics()
        metrics.request(route, method, 200, 29.9)
        metrics.request(route, method, 503, 0.1)
        value = metrics.registry.get_sample_value
        assert (value("fp_api_requests_total"), value("fp_api_failures_total")) == (2.0, 1.0)
        timed = (0.0, 0.0) if (method, route) in UNTIMED else (2.0, 1.0)
        assert (value("fp_api_timed_total"), value("fp_api_slow_total")) == timed


# -- alerts and their pages


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert["alert"])
def test_an_alert_says_what_it_means_and_where_that_is_explained(alert: dict[str, Any]) -> None:
    assert set(alert["annotations"]) == {"summary", "description", "runbook"}
    assert alert["labels"]["severity"] in ("page", "warning")
    assert alert["annotations"]["runbook"] == f"docs/operations/runbooks/{page_of(alert)}.md"
    assert page_of(alert) in PAGES
    assert not re.search(
        r"\$labels\.(?!peer|leg|node|where|what|worker|code|kind)", str(alert["annotations"])
    )


def test_every_alert_fires_in_one_case_and_stays_quiet_in_another() -> None:
    fired, quiet = set(), set()
    for file in CASES:
        for case in yaml.safe_load(file.read_text())["tests"]:
            for one in case["alert_rule_test"]:
                (fired if one["exp_alerts"] else quiet).add(one["alertname"])
    names = [alert["alert"] for alert in alerts()]
    assert len(names) == len(set(names))
    assert fired == quiet == set(names)


def test_only_what_cannot_wait_wakes_somebody() -> None:
    assert {alert["alert"] for alert in alerts() if alert["labels"]["severity"] == "page"} == {
        "FocalpointAnswerOverdue",
        "FocalpointDutyOverdue",
        "FocalpointDeliveryStalled",
        "FocalpointDirectoryExpired",
        "FocalpointNodeDown",
        # Every alert but these last five looks at gauges that are measured.
        "FocalpointWatchStopped",
        "FocalpointApiErrorsFast",
        "FocalpointApiErrorsMedium",
        "FocalpointApiSlowFast",
        "FocalpointApiSlowMedium",
    }


def test_every_page_is_linked_by_an_alert_or_by_what_stands_still_and_is_in_the_list() -> None:
    from_watch = {row.page for row in dwell().values() if row.page}
    assert from_watch <= set(PAGES)
    assert {page_of(alert) for alert in alerts()} | from_watch == set(PAGES)
    assert re.findall(r"^\| \[([a-z-]+)\]\(\1\.md\)", INDEX, re.M) == sorted(PAGES)


HEADINGS = [
    "What it means for a child's case",
    "How to see it",
    "What to do",
    "Whom to call",
    "How you know that it is over",
]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_a_page_answers_the_same_five_questions(page: str) -> None:
    assert re.findall(r"^## (.*)$", PAGES[page], re.M) == HEADINGS
    for link in re.findall(r"\]\(([^)#]+)\)", PAGES[page]):
        assert (ROOT / "docs/operations/runbooks" / link).exists(), link


@cache
def sources() -> str:
    homes = (home for package in (service, protocol, adapters) for home in package.__path__)
    return "\n".join(path.read_text("utf-8") for home in homes for path in Path(home).rglob("*.py"))


JETSTREAM = {"consumer.max_deliveries", "consumer.terminated", "consumer.quorum_lost", "stream.quorum_lost"}


@pytest.mark.parametrize("page", sorted(PAGES))
def test_events_codes_and_states_that_a_page_names_exist(page: str) -> None:
    for word in re.findall(r"`([a-z_]+\.[a-z_-]+[a-z])`", PAGES[page]):
        known = word in dwell() or word in JETSTREAM or f'"{word}"' in sources()
        assert known, word


def commands() -> Iterator[tuple[str, str]]:
    for page, text in sorted({**PAGES, "metrics": METRICS_PAGE}.items()):
        for written in re.findall(r"`(focalpoint [^`]+)`", text):
            yield page, " ".join(written.split())


@pytest.mark.parametrize("written", sorted({written for _, written in commands()}))
def test_a_command_on_a_page_exists_with_its_options(written: str) -> None:
    words = written.split()[1:]
    command: Any = get_command(app)
    path: list[str] = []
    while words and hasattr(command, "get_command"):
        found = command.get_command(click.Context(command), words[0])
        if found is None:
            break
        command, path = found, [*path, words.pop(0)]
    assert path, written
    options = {name for parameter in command.params for name in parameter.opts + parameter.secondary_opts}
    used = {word for word in words if word.startswith("-")} - {"--help"}
    assert used <= options, written
    result = CliRunner().invoke(app, [*path, "--help"])
    assert result.exit_code == 0, result.output
    assert not hasattr(command, "get_command") or "--help" in words, (
        f"{written}: which of the group's commands?"
    )


# -- what promtool says

PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None,
    reason="promtool is not installed: alerts and queries were NOT tried (Debian: prometheus)",
)


def promtool(*arguments: object, cwd: Path = PROMETHEUS) -> subprocess.CompletedProcess[str]:
    assert PROMTOOL is not None
    return subprocess.run(
        [PROMTOOL, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, check=False, timeout=300
    )


@needs_promtool
def test_the_rules_are_rules() -> None:
    done = promtool("check", "rules", *RULES)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
@pytest.mark.parametrize("case", CASES, ids=lambda file: file.stem)
def test_each_alert_fires_and_stays_quiet_as_its_cases_say(case: Path) -> None:
    done = promtool("test", "rules", case)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_every_query_of_a_dashboard_is_one(tmp_path: Path) -> None:
    asked = [query for where, query in queries() if ":" in where]
    assert len(asked) > 50
    file = tmp_path / "queries.rules.yaml"
    recorded = [{"record": f"query:number{number}", "expr": query} for number, query in enumerate(asked)]
    file.write_text(yaml.safe_dump({"groups": [{"name": "dashboards", "rules": recorded}]}))
    done = promtool("check", "rules", "--lint-fatal", file)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_the_example_of_a_configuration_is_one(tmp_path: Path) -> None:
    for file in (*RULES, PROMETHEUS / "prometheus.example.yaml"):
        shutil.copy(file, tmp_path)
    (tmp_path / "node.token").write_text("x")
    done = promtool("check", "config", "prometheus.example.yaml", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
