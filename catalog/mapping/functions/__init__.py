"""The registry of mapping functions and operators, by the name that expressions use."""

from __future__ import annotations

from collections.abc import Mapping

from catalog.mapping.functions.base import MappingFunction
from catalog.mapping.functions.casts import Cast, Digits
from catalog.mapping.functions.choice import Case, Coalesce
from catalog.mapping.functions.codes import Icd10Dot, NullifAny, Recode
from catalog.mapping.functions.excel import ExcelSerial
from catalog.mapping.functions.labs import LabFlag, LabNumber, LabOperator, LabText
from catalog.mapping.functions.numbers import Number, arithmetic_functions
from catalog.mapping.functions.operators import And, In, Like, Not, Or, comparison_functions
from catalog.mapping.functions.text import (
    Concat,
    DigitsOnly,
    JsonValue,
    Lower,
    MapValue,
    Nfkc,
    RegexpReplace,
    SplitPart,
    Substr,
    Trim,
    Upper,
)
from catalog.mapping.functions.times import DotnetTicks, LocalDate, LocalTime, ParseDate, epoch_functions
from catalog.mapping.functions.units import ConvertUnit

_NAMED: tuple[type[MappingFunction], ...] = (
    Recode, NullifAny, Icd10Dot, Cast, Digits, Number, LabNumber, LabOperator, LabFlag, LabText, ConvertUnit, ExcelSerial, DotnetTicks,
    ParseDate, LocalTime, LocalDate, SplitPart, Concat, JsonValue, MapValue, DigitsOnly, Lower, Upper, Trim, Nfkc, RegexpReplace, Substr,
    Coalesce, Case, And, Or, Not, In, Like,
)  # fmt: skip

FUNCTIONS: Mapping[str, MappingFunction] = (
    {function.name: function() for function in _NAMED} | comparison_functions() | arithmetic_functions() | epoch_functions()
)
"""Every function and operator. Names that are not words (`+`, `is null`, `map value`) are operators with their own spelling."""
