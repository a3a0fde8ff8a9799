"""COMBINE archives: a model with a simulation and metadata, for other tools."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from k2course import data

if TYPE_CHECKING:
    from k2course.models.model import Model

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
SPEC = "http://identifiers.org/combine.specifications"


def manifest() -> str:
    """List what the archive holds."""
    entries = (
        (".", f"{SPEC}/omex", "false"),
        ("./manifest.xml", f"{SPEC}/omex-manifest", "false"),
        ("./model.xml", f"{SPEC}/sbml.level-3.version-2", "false"),
        ("./simulation.sedml", f"{SPEC}/sed-ml.level-1.version-3", "true"),
        ("./metadata.rdf", f"{SPEC}/omex-metadata", "false"),
    )
    lines = (
        f'  <content location="{where}" format="{kind}" master="{master}"/>\n'
        for where, kind, master in entries
    )
    return f'{HEAD}<omexManifest xmlns="{SPEC}/omex-manifest">\n{"".join(lines)}</omexManifest>\n'


def sedml(model: Model, points: int = 201) -> str:
    """Describe the usual run as SED-ML: a time course and a report of all variables."""
    state = set(model.states)
    generators, columns = [], []
    for name in ["time", *model.variables.index]:
        place = "listOfSpecies/sbml:species" if name in state else "listOfParameters/sbml:parameter"
        target = f"target=\"/sbml:sbml/sbml:model/sbml:{place}[@id='{name}']\""
        if name == "time":
            target = 'symbol="urn:sedml:symbol:time"'
        generators.append(
            f'    <dataGenerator id="data_{name}" name="{name}"><listOfVariables>'
            f'<variable id="var_{name}" taskReference="task" {target}/></listOfVariables>'
            '<math xmlns="http://www.w3.org/1998/Math/MathML">'
            f"<ci> var_{name} </ci></math></dataGenerator>\n"
        )
        columns.append(
            f'      <dataSet id="set_{name}" label="{name}" dataReference="data_{name}"/>\n'
        )
    return (
        f'{HEAD}<sedML xmlns="http://sed-ml.org/sed-ml/level1/version3" '
        'xmlns:sbml="http://www.sbml.org/sbml/level3/version2/core" level="1" version="3">\n'
        '  <listOfSimulations><uniformTimeCourse id="run" initialTime="0" outputStartTime="0" '
        f'outputEndTime="{model.t_end:g}" numberOfPoints="{points - 1}">'
        '<algorithm kisaoID="KISAO:0000019"/></uniformTimeCourse></listOfSimulations>\n'
        '  <listOfModels><model id="model" language="urn:sedml:language:sbml" '
        'source="model.xml"/></listOfModels>\n'
        '  <listOfTasks><task id="task" modelReference="model" simulationReference="run"/>'
        "</listOfTasks>\n"
        f"  <listOfDataGenerators>\n{''.join(generators)}  </listOfDataGenerators>\n"
        '  <listOfOutputs><report id="report"><listOfDataSets>\n'
        f"{''.join(columns)}    </listOfDataSets></report></listOfOutputs>\n</sedML>\n"
    )


def metadata(model: Model) -> str:
    """Title and sources of the model as RDF (Dublin Core)."""
    studies = [data.study(s) for s in model.parameters["study_id"].dropna().unique()]
    links = "".join(
        f"    <dc:source rdf:resource={quoteattr('https://doi.org/' + s['doi'])}/>\n"
        for s in studies
        if isinstance(s["doi"], str)
    )
    return (
        f'{HEAD}<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        'xmlns:dc="http://purl.org/dc/terms/">\n  <rdf:Description rdf:about=".">\n'
        f"    <dc:title>{escape(model.title)}</dc:title>\n{links}"
        "  </rdf:Description>\n</rdf:RDF>\n"
    )


def write(model: Model, path: Path) -> Path:
    """Write the archive; the same model gives the same bytes."""
    parts = {
        "manifest.xml": manifest(),
        "model.xml": model.sbml(),
        "simulation.sedml": sedml(model),
        "metadata.rdf": metadata(model),
    }
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(zipfile.ZipInfo(name), text, zipfile.ZIP_DEFLATED)
    return path
