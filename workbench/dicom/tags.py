"""The attributes that this program reads: keyword, tag, value representation (PS3.6), as plain data.

A table of our own keeps the fast path free of pydicom, whose import takes a second; a test compares it with pydicom's.
"""

from __future__ import annotations

from typing import NamedTuple


class Tag(NamedTuple):
    """One attribute: ``group << 16 | element``, and its value representation."""

    number: int
    vr: str


_TABLE = """
00020002 UI MediaStorageSOPClassUID
00020010 UI TransferSyntaxUID
00020012 UI ImplementationClassUID
00080005 CS SpecificCharacterSet
00080008 CS ImageType
00080014 UI InstanceCreatorUID
00080016 UI SOPClassUID
00080018 UI SOPInstanceUID
00080020 DA StudyDate
0008002A DT AcquisitionDateTime
00080032 TM AcquisitionTime
00080060 CS Modality
00080064 CS ConversionType
00080068 CS PresentationIntentType
00080070 LO Manufacturer
00080080 LO InstitutionName
00080100 SH CodeValue
00081010 SH StationName
0008103E LO SeriesDescription
00081090 LO ManufacturerModelName
00082144 IS RecommendedDisplayFrameRate
00082218 SQ AnatomicRegionSequence
00089007 CS FrameType
00089208 CS ComplexImageComponent
00100020 LO PatientID
00100021 LO IssuerOfPatientID
00100030 DA PatientBirthDate
00100040 CS PatientSex
00101010 AS PatientAge
00180015 CS BodyPartExamined
00180040 IS CineRate
00180050 DS SliceThickness
00180060 DS KVP
00180080 DS RepetitionTime
00180081 DS EchoTime
00180082 DS InversionTime
00180086 IS EchoNumbers
00180088 DS SpacingBetweenSlices
00181060 DS TriggerTime
00181063 DS FrameTime
00181065 DS FrameTimeVector
00181100 DS ReconstructionDiameter
00181114 DS EstimatedRadiographicMagnificationFactor
00181164 DS ImagerPixelSpacing
00181210 SH ConvolutionKernel
00181314 DS FlipAngle
00182010 DS NominalScannedPixelSpacing
00185101 CS ViewPosition
00186011 SQ SequenceOfUltrasoundRegions
00186012 US RegionSpatialFormat
00186014 US RegionDataType
00186018 UL RegionLocationMinX0
0018601A UL RegionLocationMinY0
0018601C UL RegionLocationMaxX1
0018601E UL RegionLocationMaxY1
00186024 US PhysicalUnitsXDirection
00186026 US PhysicalUnitsYDirection
0018602C FD PhysicalDeltaX
0018602E FD PhysicalDeltaY
00189074 DT FrameAcquisitionDateTime
00189076 SQ DiffusionGradientDirectionSequence
00189079 FD InversionTimes
00189082 FD EffectiveEchoTime
00189087 FD DiffusionBValue
00189089 FD DiffusionGradientOrientation
00189112 SQ MRTimingAndRelatedParametersSequence
00189114 SQ MREchoSequence
00189115 SQ MRModifierSequence
00189117 SQ MRDiffusionSequence
00189118 SQ CardiacSynchronizationSequence
00189151 DT FrameReferenceDateTime
00189226 SQ MRImageFrameTypeSequence
00189314 SQ CTReconstructionSequence
00189329 SQ CTImageFrameTypeSequence
00189751 SQ PETFrameTypeSequence
0020000D UI StudyInstanceUID
0020000E UI SeriesInstanceUID
00200012 IS AcquisitionNumber
00200020 CS PatientOrientation
00200032 DS ImagePositionPatient
00200037 DS ImageOrientationPatient
00200052 UI FrameOfReferenceUID
00200060 CS Laterality
00200062 CS ImageLaterality
00200100 IS TemporalPositionIdentifier
00209056 SH StackID
00209071 SQ FrameAnatomySequence
00209072 CS FrameLaterality
00209111 SQ FrameContentSequence
00209113 SQ PlanePositionSequence
00209116 SQ PlaneOrientationSequence
00209128 UL TemporalPositionIndex
00209153 FD NominalCardiacTriggerDelayTime
00209156 US FrameAcquisitionNumber
00280002 US SamplesPerPixel
00280004 CS PhotometricInterpretation
00280006 US PlanarConfiguration
00280008 IS NumberOfFrames
00280010 US Rows
00280011 US Columns
00280030 DS PixelSpacing
00280034 IS PixelAspectRatio
00280100 US BitsAllocated
00280101 US BitsStored
00280102 US HighBit
00280103 US PixelRepresentation
00280120 US PixelPaddingValue
00280121 US PixelPaddingRangeLimit
00280301 CS BurnedInAnnotation
00280302 CS RecognizableVisualFeatures
00280A02 CS PixelSpacingCalibrationType
00281050 DS WindowCenter
00281051 DS WindowWidth
00281052 DS RescaleIntercept
00281053 DS RescaleSlope
00281054 LO RescaleType
00281055 LO WindowCenterWidthExplanation
00281056 CS VOILUTFunction
00281101 US RedPaletteColorLookupTableDescriptor
00281102 US GreenPaletteColorLookupTableDescriptor
00281103 US BluePaletteColorLookupTableDescriptor
00281201 OW RedPaletteColorLookupTableData
00281202 OW GreenPaletteColorLookupTableData
00281203 OW BluePaletteColorLookupTableData
00281221 OW SegmentedRedPaletteColorLookupTableData
00281222 OW SegmentedGreenPaletteColorLookupTableData
00281223 OW SegmentedBluePaletteColorLookupTableData
00282110 CS LossyImageCompression
00282112 DS LossyImageCompressionRatio
00283000 SQ ModalityLUTSequence
00283002 US LUTDescriptor
00283003 LO LUTExplanation
00283004 LO ModalityLUTType
00283006 OW LUTData
00283010 SQ VOILUTSequence
00289110 SQ PixelMeasuresSequence
00289132 SQ FrameVOILUTSequence
00289145 SQ PixelValueTransformationSequence
004008EA SQ MeasurementUnitsCodeSequence
00409096 SQ RealWorldValueMappingSequence
00409211 US RealWorldValueLastValueMapped
00409212 FD RealWorldValueLUTData
00409213 FD DoubleFloatRealWorldValueLastValueMapped
00409214 FD DoubleFloatRealWorldValueFirstValueMapped
00409216 US RealWorldValueFirstValueMapped
00409224 FD RealWorldValueIntercept
00409225 FD RealWorldValueSlope
00540022 SQ DetectorInformationSequence
00540080 US SliceVector
00541001 CS Units
20500020 CS PresentationLUTShape
52009229 SQ SharedFunctionalGroupsSequence
52009230 SQ PerFrameFunctionalGroupsSequence
7FE00001 OV ExtendedOffsetTable
7FE00002 OV ExtendedOffsetTableLengths
7FE00008 OF FloatPixelData
7FE00009 OD DoubleFloatPixelData
7FE00010 OW PixelData
"""

TAGS: dict[str, Tag] = {
    keyword: Tag(int(number, 16), vr) for number, vr, keyword in (line.split() for line in _TABLE.split("\n") if line)
}
NUMBERS: dict[str, int] = {keyword: tag.number for keyword, tag in TAGS.items()}
"""Of ``TAGS``, the numbers alone: the fast path looks them up a hundred times per file."""

PIXEL_DATA = TAGS["PixelData"].number
FLOAT_PIXEL_DATA = TAGS["FloatPixelData"].number
DOUBLE_FLOAT_PIXEL_DATA = TAGS["DoubleFloatPixelData"].number


def name(keyword: str) -> str:
    """The attribute as people write it: ``(0028,0010) Rows``."""
    number = TAGS[keyword].number
    return f"({number >> 16:04X},{number & 0xFFFF:04X}) {keyword}"
