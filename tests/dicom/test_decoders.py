from pydicom.uid import JPEGTransferSyntaxes

from workbench.dicom import decoders
from workbench.dicom.decoders import report


def test_every_syntax_that_pydicom_decodes_has_a_row_and_a_decoder():
    rows = {row.uid: row for row in report()}
    assert len(rows) == 16
    assert all(row.plugins and not row.mend for row in rows.values())
    assert rows["1.2.840.10008.1.2.1"].plugins == ("native",)
    assert "dicomsdl (12 bits)" in rows["1.2.840.10008.1.2.4.51"].plugins
    assert set(map(str, JPEGTransferSyntaxes)) <= set(rows)
    assert rows["1.2.840.10008.1.2.5"].name == "RLE Lossless"


def test_what_is_missing_comes_with_the_command_that_mends_it(monkeypatch):
    from pydicom.pixels.decoders import HTJ2KDecoder, JPEGLosslessDecoder, JPEGLSLosslessDecoder

    for decoder in (HTJ2KDecoder, JPEGLosslessDecoder, JPEGLSLosslessDecoder):
        monkeypatch.setattr(decoder, "_available", {})
    mends = {row.uid: row.mend for row in decoders.report() if row.mend}
    assert mends == {
        "1.2.840.10008.1.2.4.203": "pip install pylibjpeg pylibjpeg-openjpeg",
        "1.2.840.10008.1.2.4.57": "pip install python-gdcm",
        "1.2.840.10008.1.2.4.80": "pip install pyjpegls",
    }
