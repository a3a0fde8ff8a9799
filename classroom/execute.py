"""The classroom's steps in nbgrader's pipeline: mend a submission, run it contained, judge it."""

from __future__ import annotations

import ast
import contextlib
import copy
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
from nbclient.exceptions import DeadKernelError
from nbclient.util import run_sync
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader import utils
from nbgrader.preprocessors import Execute, NbGraderPreprocessor
from traitlets import Dict

from classroom import personal, sandbox
from classroom.check import Marks

BEGIN, END = "### BEGIN HIDDEN TESTS", "### END HIDDEN TESTS"
TAG = re.compile(r"<(?=[a-zA-Z/!?])")  # a student's text holds no HTML when a teacher opens it
KEEP = {"text/plain", "image/png"}  # kept of an output: nothing that a browser would run
COLLECT = Path(__file__).with_name("collect.py").read_text("utf-8")
LONGEST = 2_000_000  # characters of the answers to one question
LAST: dict[str, Any] = {}  # what the last run has to say: reason, look


def split(source: str) -> tuple[str, str]:
    """Split a cell into what students see and its hidden tests."""
    before, begin, rest = source.partition(BEGIN)
    hidden, _, after = rest.partition(END)
    return (before + after.lstrip("\n"), hidden) if begin else (source, "")


def asked(tests: str) -> set[str]:
    """List the names of the answers that hidden tests ask for."""
    calls = [n for n in ast.walk(ast.parse(tests)) if isinstance(n, ast.Call) and n.args]
    firsts = [c.args[0] for c in calls if isinstance(c.func, ast.Attribute)]
    named = {a.value for a in firsts if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return {name for name in named if name.isidentifier()}


class Mend(NbGraderPreprocessor):
    """Put back the release's cells that are gone; labels come from the release alone."""

    def preprocess(self, nb: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
        """Mend one notebook; the course is the present folder, as always in nbgrader."""
        who = resources["nbgrader"]
        path = Path("release", who["assignment"], f"{who['notebook']}.ipynb")
        given = nbformat.read(path, as_version=4).cells
        labels = {c.metadata.nbgrader.grade_id: c for c in given if "nbgrader" in c.metadata}
        place: dict[str, NotebookNode] = {}
        for cell in nb.cells:
            label = cell.metadata.pop("nbgrader", None)
            name = label.get("grade_id") if isinstance(label, dict) else None
            if name in labels and name not in place:
                cell.metadata = copy.deepcopy(labels[name].metadata)
                place[name] = cell
            else:
                cell.metadata = NotebookNode()
        before = None
        for name, cell in labels.items():
            if name not in place:
                place[name] = copy.deepcopy(cell)
                at = next((i for i, c in enumerate(nb.cells) if c is before), -1)
                nb.cells.insert(at + 1, place[name])
            before = place[name]
        nb.metadata.pop("widgets", None)
        for cell in nb.cells:
            if cell.cell_type != "code" and not utils.is_locked(cell):
                cell.cell_type = "markdown"
                cell.source = TAG.sub("&lt;", cell.source)
        return nb, resources


class Contained(Execute):
    """Run a submission in a box and judge its answers outside of it."""

    limits = Dict(help="changes to classroom.sandbox.Limits").tag(config=True)

    def __init__(self, **kw: Any) -> None:  # noqa: ANN401
        super().__init__(**kw, kernel_manager_class=sandbox.ContainedKernelManager)
        self.allowed = sandbox.Limits(**self.limits)
        self.timeout, self.store_widget_state = self.allowed.cell, False
        self.raise_on_iopub_timeout = False
        self.on_cell_executed = self.leave

    def preprocess(
        self, nb: NotebookNode, resources: dict, km: object = None
    ) -> tuple[NotebookNode, dict]:
        """Run and judge one notebook."""
        who = resources["nbgrader"]
        root, assignment, student = Path.cwd(), who["assignment"], who["student"]
        self.stopped, self.used, self.answers, self.tests = "", 0, {}, {}
        for number, cell in enumerate(nb.cells):
            if cell.cell_type == "code" and utils.is_grade(cell):
                cell.source, self.tests[number] = split(cell.source)
        with sandbox.box(self.allowed) as self.box:
            source = root / "source" / assignment
            official = utils.find_all_files(str(source), ["*.ipynb", "personal.py", "__pycache__"])
            for path in map(Path, official):
                (self.box.work / path.relative_to(source)).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, self.box.work / path.relative_to(source))
            personal.write(root, assignment, student, self.box.work)
            resources.setdefault("metadata", {})["path"] = str(self.box.work)
            try:
                nb, resources = super().preprocess(nb, resources, km)
            except Exception as error:
                if not self.code_cells_executed:
                    raise  # the machine's fault, not the student's
                self.stopped = self.stopped or self.box.reason or f"the run broke off: {error}"
        LAST.update(reason=self.stopped, look=[])
        truth = personal.truth(root, assignment, student)
        for number, tests in self.tests.items():
            if tests:
                self.judge(nb.cells[number], number, tests, truth)
        return nb, resources

    def create_kernel_manager(self) -> sandbox.ContainedKernelManager:
        """Make the kernel manager and tell it where to run."""
        manager = super().create_kernel_manager()
        manager.place(self.box)
        return manager

    def leave(self, execute_reply: dict[str, Any], **_: object) -> None:
        """Take ``exit()`` at its word: such a kernel may or may not run the next cell."""
        said = execute_reply["content"].get("payload") or []
        if any(part.get("source") == "ask_exit" for part in said):
            raise DeadKernelError("exit")

    def process_message(
        self, msg: dict[str, Any], cell: NotebookNode, cell_index: int
    ) -> NotebookNode | None:
        """Count what the kernel says; keep of it only text and pictures."""
        content = msg["content"]
        self.used += sum(len(str(value)) for value in content.values())
        if self.used > self.allowed.output:
            self.box.stop(f"stopped: more than {self.allowed.output >> 20} MB of output")
            return None
        if msg["msg_type"] in ("display_data", "execute_result", "update_display_data"):
            content["data"] = {k: v for k, v in content["data"].items() if k in KEEP}
        return super().process_message(msg, cell, cell_index)

    async def async_execute_cell(
        self,
        cell: NotebookNode,
        cell_index: int,
        execution_count: int | None = None,
        store_history: bool = True,
    ) -> NotebookNode:
        """Run a cell; after a question's test cell, fetch the answers as plain data."""
        self.box.begin()
        if not self.stopped:
            try:
                cell = await super().async_execute_cell(
                    cell, cell_index, execution_count, store_history
                )
                if self.tests.get(cell_index):
                    self.answers[cell_index] = await self.collect(asked(self.tests[cell_index]))
            except DeadKernelError:
                self.stopped = self.box.reason or "the kernel ended here (exit, or out of memory)"
                words = f"{self.stopped}; nothing below it was run"
                cell.setdefault("outputs", []).append(
                    new_output("error", ename="Stopped", evalue=words, traceback=[words])
                )
        return cell

    execute_cell = run_sync(async_execute_cell)

    async def collect(self, names: set[str]) -> dict[str, Any]:
        """Ask the kernel for answers; whatever it sends is data, never code."""
        call = f"_k2_collect({sorted(names)!r}, globals())"
        options = {"silent": True, "store_history": False, "stop_on_error": False}
        sent = self.kc.execute(COLLECT, user_expressions={"k2": call}, **options)
        reply = await self.async_wait_for_reply(sent)
        try:
            text = reply["content"]["user_expressions"]["k2"]["data"]["text/plain"]
            answers = json.loads(ast.literal_eval(text)) if len(text) < LONGEST else {}
            return {k: v for k, v in answers.items() if k in names}
        except (TypeError, KeyError, ValueError, AttributeError, SyntaxError, RecursionError):
            return {}

    def judge(self, cell: NotebookNode, number: int, tests: str, truth: dict[str, Any]) -> None:
        """Run a question's hidden tests here, outside, and write down marks and words."""
        possible = float(cell.metadata.nbgrader["points"])
        if number in self.answers:
            space = {"__truth__": truth, **self.answers[number]}
            try:
                with contextlib.redirect_stdout(io.StringIO()):
                    exec(compile(tests, "hidden tests", "exec"), space)
                marks: Marks = space["__marks__"]
                earned, words, look = marks.earned, marks.words, marks.look
                if marks.possible != possible:
                    raise ValueError(f"checks of {marks.possible:g} in a cell of {possible:g}")
            except Exception as error:
                earned, look = 0.0, True
                words = [f"✗ a check failed itself ({type(error).__name__}); a person will look"]
            LAST["look"] += [cell.metadata.nbgrader["grade_id"]] if look else []
        else:
            earned, words = 0.0, [f"✗ not run: {self.stopped or 'no answer from the kernel'}"]
        text = "\n".join(words)
        if earned == 0:
            cell.outputs = [new_output("error", ename="0 points", evalue=text, traceback=[text])]
            return
        cell.outputs = [new_output("stream", name="stdout", text=text + "\n")]
        if earned < possible:
            data = {"text/plain": f"{earned:g}"}
            cell.outputs.append(new_output("execute_result", data=data, execution_count=None))
