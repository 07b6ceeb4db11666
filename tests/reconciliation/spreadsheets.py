"""Excel workbooks, written by hand: what a spreadsheet program saves, in as few words as it can be read by."""

import csv
import io
import zipfile

_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"
_PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_PACKAGE}/content-types"><Default Extension="xml" ContentType="application/xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets><sheet name="Report" sheetId="1" r:id="r1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_PACKAGE}/relationships"><Relationship Id="r1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}  # fmt: skip


def workbook(text: str, *, above: int = 0) -> bytes:
    """An Excel workbook with a CSV's cells, numbers as numbers, and empty rows above it."""
    rows = []
    for number, cells in enumerate(csv.reader(text.splitlines()), above + 1):
        rows.append(
            f'<row r="{number}">{"".join(_cell(place, number, value) for place, value in enumerate(cells))}</row>'
        )
    sheet = f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(rows)}</sheetData></worksheet>'
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in {**_PARTS, "xl/worksheets/sheet1.xml": sheet}.items():
            archive.writestr(name, content)
    return stream.getvalue()


def _cell(place: int, number: int, value: str) -> str:
    letters = chr(ord("A") + place)
    if value.replace(".", "", 1).isdigit() and (len(value) < 12 or "." in value):
        return f'<c r="{letters}{number}" t="n"><v>{value}</v></c>'
    return f'<c r="{letters}{number}" t="inlineStr"><is><t>{value}</t></is></c>'
