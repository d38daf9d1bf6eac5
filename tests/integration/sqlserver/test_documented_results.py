"""What SQL Server is documented to answer, asked of the test server: only what is in this table may be trusted of it.

Expected values come from the place named beside them, never from our server. `docs` is Microsoft's Transact-SQL reference by page;
`dba` is a question of dba.stackexchange by number, answered with output of real servers; `KB` is a Microsoft support article.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyodbc
import pytest

if TYPE_CHECKING:
    from tests.servers.tds import TdsServer

CONDITIONS = [
    # condition, true?, where it is documented
    ("'abc' = 'abc  '", True, "KB 316626: blanks at the end do not count in ="),
    ("N'Tim' = N'Tim '", True, "KB 316626"),
    ("'' = '   '", True, "KB 316626"),
    ("' a' = 'a'", False, "KB 316626: blanks at the front count"),
    ("'abc' <> 'abc  '", False, "KB 316626"),
    ("'abc  ' IN ('x', 'abc')", True, "KB 316626"),
    ("'smith' = 'SMITH'", True, "docs Collation and Unicode support: CI"),
    ("N'smith' COLLATE Latin1_General_100_CS_AS = N'SMITH'", False, "docs Collation and Unicode support: CS"),
    ("N'Smíth' = N'Smith'", False, "docs Collation and Unicode support: AS"),
    ("N'Smíth' COLLATE Latin1_General_100_CI_AI = N'smith'", True, "docs Collation and Unicode support: AI"),
    ("N'Ａ' = N'A'", True, "docs Collation and Unicode support: without _WS width does not count"),
    ("N'Ａ' COLLATE Latin1_General_100_CI_AS_WS = N'A'", False, "docs Collation and Unicode support: _WS"),
    ("N'お' = N'オ'", True, "docs Collation and Unicode support: without _KS kana does not count"),
    ("N'お' COLLATE Latin1_General_100_CI_AS_KS = N'オ'", False, "docs Collation and Unicode support: _KS"),
    ("N'😼' = N''", True, "dba 208414: under collations before version 100 a supplementary character has no weight"),
    ("N'😼' COLLATE Latin1_General_100_CI_AS_KS_WS = N''", False, "dba 208414"),
    ("N'😼' COLLATE Latin1_General_100_CI_AS_KS_WS = N'😽'", False, "dba 208414"),
    ("N'😼' COLLATE Latin1_General_BIN2 = N''", False, "dba 208414"),
    ("NCHAR(1234) = N'' COLLATE SQL_Latin1_General_CP1_CI_AS", True, "dba 208414, example 1"),
    ("NCHAR(1234) = N'' COLLATE Latin1_General_CI_AS", True, "dba 208414, example 2"),
    ("NCHAR(1234) = N'' COLLATE Latin1_General_100_CI_AS", False, "dba 208414, example 3"),
    ("NCHAR(1234) = N'' COLLATE Latin1_General_BIN2", False, "dba 208414, example 4"),
    ("NCHAR(1234) + NCHAR(1234) = NCHAR(5342) COLLATE Latin1_General_CS_AS_KS_WS", True, "dba 208414, example 6"),
    ("N'ß' = 'ss'", True, "dba 335859: nvarchar by Windows' rules also under a SQL collation"),
    ("'ß' = 'ss'", False, "dba 335859: varchar under a SQL collation, one character at a time"),
    ("'ss' COLLATE Latin1_General_CI_AS = 'ß'", True, "dba 335859: a Windows collation has one set of rules"),
    ("'ss' COLLATE Latin1_General_BIN2 = 'ß'", False, "docs Collation and Unicode support: binary"),
    ("N'ä' = N'ae'", False, "docs Collation and Unicode support: AS; ä is no expansion"),
    ("N'œ' = N'oe'", True, "stackoverflow 50181535: expansions of Windows' rules"),
    ("'œ' = 'oe'", False, "stackoverflow 50181535: not in varchar under a SQL collation"),
    ("'a' COLLATE Latin1_General_BIN2 = 'A'", False, "docs Collation and Unicode support: BIN2"),
    ("'a' COLLATE Latin1_General_BIN2 = 'a  '", True, "sqlservercentral, The difference between BIN2 and case-sensitive collations: blanks at the end are the exception"),
    ("N'a' COLLATE Latin1_General_100_BIN2 = N'a '", True, "SQL-92 8.2, rule 3, which KB 316626 names: filled up before the collation compares"),
    ("N'e' + NCHAR(769) = N'é'", True, "Unicode canonical equivalence, in all collations that are not binary"),
    ("N'e' + NCHAR(769) = N'é' COLLATE Latin1_General_100_BIN2", False, "docs Collation and Unicode support: BIN2 compares code points"),
    ("'B' < 'a'", False, "docs Collation and Unicode support: dictionary order"),
    ("'B' < 'a' COLLATE Latin1_General_BIN2", True, "docs Collation and Unicode support: code point order"),
    ("0x = 0x00", True, "dba 48660: zeros at the end do not count in binary values"),
    ("0x20 = 0x2020", False, "dba 48660"),
    ("NULL = NULL", False, "docs SET ANSI_NULLS ON"),
    ("1 NOT IN (2, NULL)", False, "docs IN: NULL in the list gives UNKNOWN"),
    ("3 BETWEEN 3 AND 4", True, "docs BETWEEN: both ends count"),
    ("'007' = 7", True, "docs Data type precedence: the text becomes int"),
    ("1.10 = 1.1", True, "docs decimal: the value counts, not the scale"),
    ("CAST('2007-05-08 12:00:00 +02:00' AS datetimeoffset) = CAST('2007-05-08 10:00:00 +00:00' AS datetimeoffset)", True, "docs datetimeoffset: compared in UTC"),
    ("'6F9619FF-8B86-D011-B42D-00C04FC964FF' = CAST('6f9619ff-8b86-d011-b42d-00c04fc964ff' AS uniqueidentifier)", True, "docs Data type precedence: the text becomes uniqueidentifier"),
    ("CAST('space ' AS varchar(10)) LIKE 'space'", True, "dba 56876"),
    ("CAST('space ' AS varchar(10)) LIKE 'space '", True, "dba 56876"),
    ("CAST('space ' AS varchar(10)) LIKE 'space  '", False, "dba 56876"),
    ("CAST('nspace ' AS nvarchar(10)) LIKE N'nspace'", False, "dba 56876"),
    ("CAST('nspace ' AS nvarchar(10)) LIKE N'nspace '", True, "dba 56876"),
    ("CAST('nspace ' AS nvarchar(10)) LIKE N'nspace  '", False, "dba 56876"),
    ("'abc' LIKE 'abc '", False, "docs LIKE: blanks at the end of the pattern count"),
    ("CAST('Robert King' AS nchar(20)) LIKE N'% King'", False, "docs LIKE, Unicode pattern"),
    ("CAST('Robert King' AS char(20)) LIKE '% King'", True, "docs LIKE, ASCII pattern"),
    ("RTRIM(CAST('Robert King' AS nchar(20))) LIKE N'% King'", True, "docs LIKE, Unicode pattern with RTRIM"),
    ("'SMITH' LIKE 'smi%'", True, "docs LIKE: by collation"),
    ("'SMITH' COLLATE Latin1_General_CS_AS LIKE 'smi%'", False, "docs LIKE: by collation"),
    ("'10-15% off' LIKE '%10-15!% off%' ESCAPE '!'", True, "docs LIKE, example C"),
    ("'a_b' LIKE 'a[_]b'", True, "docs LIKE: wildcards in brackets"),
    ("'axb' LIKE 'a[_]b'", False, "docs LIKE: wildcards in brackets"),
    ("'Carsen' LIKE '[CK]ars[eo]n'", True, "docs LIKE, table of wildcards"),
    ("'del' LIKE 'de[^l]%'", False, "docs LIKE, table of wildcards"),
    ("EXISTS (SELECT NULL)", True, "docs EXISTS, example A"),
    ("NOT EXISTS (SELECT 1 WHERE NULL = 1)", True, "docs EXISTS: it is never UNKNOWN"),
    ("CAST('Smith' AS varchar(10)) = N'SMITH '", True, "docs Data type precedence: varchar becomes nvarchar; KB 316626"),
    ("CAST(N'a' COLLATE Latin1_General_BIN2 AS varchar(5)) = 'A'", False, "docs CAST and CONVERT, output collation: from text to text that of the input"),
    ("CAST(1 AS nvarchar(5)) COLLATE Latin1_General_CS_AS = N'1'", True, "docs CAST and CONVERT, output collation"),
    ("CAST(0.1 AS real) = CAST(0.1 AS float)", False, "docs Data type precedence: real becomes float, with the digits it has"),
    ("CAST(0.5 AS real) = CAST(0.5 AS float)", True, "docs Data type precedence"),
    ("CAST(1 AS bit) = 1", True, "docs Data type precedence: bit becomes int"),
    ("CAST(9007199254740993 AS bigint) = CAST(9007199254740992 AS float)", True, "docs Data type precedence: bigint becomes float"),
    ("CAST('2021-01-01' AS date) = CAST('2021-01-01 00:00:00' AS datetime2)", True, "docs Data type precedence: date becomes datetime2"),
    ("CAST('2021-01-01' AS date) = '2021-01-01 00:00:01'", True, "docs date: the text becomes a date, its time is cut off"),
    ("NULL IS NOT DISTINCT FROM NULL", True, "docs IS [NOT] DISTINCT FROM (SQL Server 2022)"),
    ("N'a' IS DISTINCT FROM N'A '", False, "docs IS [NOT] DISTINCT FROM; KB 316626"),
]  # fmt: skip

VALUES = [
    # expression, value, where it is documented
    ("LEN('abc  ')", 3, "docs LEN: without blanks at the end"),
    ("LEN('  abc')", 5, "docs LEN"),
    ("DATALENGTH('abc  ')", 5, "docs DATALENGTH: bytes"),
    ("DATALENGTH(N'abc')", 6, "docs DATALENGTH, nchar and nvarchar: two bytes a character"),
    ("LEN(N'😀')", 2, "docs Collation and Unicode support: two characters without _SC"),
    ("LEN(N'😀' COLLATE Latin1_General_100_CI_AS_SC)", 1, "docs Collation and Unicode support: one character with _SC"),
    ("LEN(0x2020)", 0, "dba 48660"),
    ("DATALENGTH(0x2020)", 2, "dba 48660"),
    ("ASCII(NCHAR(2345))", 63, "docs nchar and nvarchar: what the code page lacks becomes a question mark"),
    ("ASCII('ऩ')", 63, "docs nchar and nvarchar: without N the text is of the code page"),
    ("UNICODE(N'ऩ')", 2345, "docs UNICODE"),
    ("ASCII(CAST(NCHAR(9619) AS char(1)))", 166, "dba 76781: what the code page lacks may become a look-alike"),
    ("CAST(N'Ā' AS varchar(1))", "A", "bestfit1252.txt of the Unicode Consortium, which dba 76781 names"),
    ("CAST('abc' AS char(5))", "abc  ", "docs char and varchar: filled with blanks"),
    ("CAST('abcdef' AS varchar(3))", "abc", "docs CAST and CONVERT: cut off"),
    ("DATALENGTH(CAST('abcdefghijklmnopqrstuvwxyz0123456789' AS varchar))", 30, "docs char and varchar: n is 30 in CAST where none is given"),
    ("'a' + NULL", None, "docs + (string concatenation)"),
    ("CONCAT('a', NULL, 'b')", "ab", "docs CONCAT: NULL is an empty string"),
    ("'1' + 1", 2, "docs + and data type precedence: the text becomes int"),
    ("SUBSTRING('abcdef', 2, 3)", "bcd", "docs SUBSTRING"),
    ("SUBSTRING('abc', 0, 2)", "a", "docs SUBSTRING: a start below 1 shortens the length"),
    ("LEFT('abcdefg', 2)", "ab", "docs LEFT, example B"),
    ("REPLICATE('0', 4)", "0000", "docs REPLICATE, example A"),
    ("LEN(REPLICATE('x', 9000))", 8000, "docs REPLICATE: cut off at 8,000 bytes"),
    ("ISNULL(CAST(NULL AS varchar(2)), 'abcd')", "ab", "docs ISNULL: the type of the first"),
    ("COALESCE(CAST(NULL AS varchar(2)), 'abcd')", "abcd", "docs COALESCE: the type of the highest precedence"),
    ("5 / 2", 2, "docs / (division): whole numbers stay whole"),
    ("-5 / 2", -2, "docs / (division): the fraction is cut off"),
    ("38 / 5", 7, "docs % (modulus), example A"),
    ("38 % 5", 3, "docs % (modulus), example A"),
    ("1.0 / 3", Decimal("0.333333"), "docs Precision, scale, and length: scale max(6, 1 + 1 + 1)"),
    ("CAST(1 AS decimal(10,2)) / CAST(3 AS decimal(10,2))", Decimal("0.3333333333333"), "docs Precision, scale, and length: scale max(6, 2 + 10 + 1)"),
    ("CAST(0.0000009000 AS decimal(30,20)) * CAST(1.0000000000 AS decimal(30,20))", Decimal("0.00000090000000000"), "docs Precision, scale, and length, examples: decimal(38,17)"),
    ("CAST(0.0000009000 AS decimal(30,10)) * CAST(1.0000000000 AS decimal(30,10))", Decimal("0.000001"), "docs Precision, scale, and length, examples: decimal(38,6)"),
    ("CAST(10.6496 AS int)", 10, "docs CAST and CONVERT, truncating and rounding"),
    ("CAST(-10.6496 AS int)", -10, "docs CAST and CONVERT, truncating and rounding"),
    ("CAST(10.6496 AS numeric)", Decimal(11), "docs CAST and CONVERT, truncating and rounding"),
    ("CAST(-10.6496 AS numeric)", Decimal(-11), "docs CAST and CONVERT, truncating and rounding"),
    ("CAST(10.3496847 AS money)", Decimal("10.3497"), "docs CAST and CONVERT, truncating and rounding"),
    ("CAST(CAST(10.6496 AS money) AS int)", 11, "docs CAST and CONVERT, table: money to int rounds"),
    ("CAST(CAST(10.6496 AS float) AS int)", 10, "docs CAST and CONVERT, table: float to int cuts off"),
    ("CAST(CAST(1234.5678 AS money) AS varchar(20))", "1234.57", "docs CAST and CONVERT, money styles: two digits by default"),
    ("CONVERT(varchar(20), CAST(1234.5678 AS money), 2)", "1234.5678", "docs CAST and CONVERT, money styles"),
    ("CAST(CAST(1234567.891 AS float) AS varchar(20))", "1.23457e+006", "docs CAST and CONVERT, float styles: six digits at most"),
    ("CAST('' AS int)", 0, "known of every version: an empty text is 0 as int, unlike as decimal"),
    ("CAST(' 12 ' AS int)", 12, "docs CAST and CONVERT: blanks around a number do not count"),
    ("CAST('TRUE' AS bit)", True, "docs bit"),
    ("CAST(5 AS bit)", True, "docs bit: every number but 0 becomes 1"),
    ("TRY_CAST('test' AS float)", None, "docs TRY_CAST, example A"),
    ("TRY_CAST('12' AS int)", 12, "docs TRY_CAST"),
    ("TRY_CONVERT(int, 'abc')", None, "docs TRY_CONVERT"),
    ("CAST(N'0E984725-C51C-4BF4-9960-E1C80E27ABA0wrong' AS uniqueidentifier)", "0E984725-C51C-4BF4-9960-E1C80E27ABA0", "docs uniqueidentifier: what is too long is cut off"),
    ("CONVERT(varchar(30), CAST('1998-01-01 23:59:59.999' AS datetime), 121)", "1998-01-02 00:00:00.000", "docs datetime, rounding"),
    ("CONVERT(varchar(30), CAST('1998-01-01 23:59:59.998' AS datetime), 121)", "1998-01-01 23:59:59.997", "docs datetime, rounding"),
    ("CONVERT(varchar(30), CAST('1998-01-01 23:59:59.995' AS datetime), 121)", "1998-01-01 23:59:59.997", "docs datetime, rounding"),
    ("CONVERT(varchar(30), CAST('1998-01-01 23:59:59.994' AS datetime), 121)", "1998-01-01 23:59:59.993", "docs datetime, rounding"),
    ("CONVERT(varchar(30), CAST('1998-01-01 23:59:59.992' AS datetime), 121)", "1998-01-01 23:59:59.993", "docs datetime, rounding"),
    ("CONVERT(varchar(30), CAST('1998-01-01 23:59:59.991' AS datetime), 121)", "1998-01-01 23:59:59.990", "docs datetime, rounding"),
    ("CONVERT(varchar(30), CAST('2000-05-08 12:35:29.998' AS smalldatetime), 120)", "2000-05-08 12:35:00", "docs smalldatetime"),
    ("CONVERT(varchar(30), CAST('2000-05-08 12:35:29.999' AS smalldatetime), 120)", "2000-05-08 12:36:00", "docs smalldatetime"),
    ("CAST(CAST('2000-01-01 00:00' AS datetime) AS varchar(30))", "Jan  1 2000 12:00AM", "docs CAST and CONVERT, style 0"),
    ("CAST(CAST('2007-05-08 12:35:29.1234567' AS datetime2) AS varchar(30))", "2007-05-08 12:35:29.1234567", "docs datetime2, example"),
    ("CAST(CAST('2007-05-08 12:35:29.1234567 +12:15' AS datetimeoffset) AS varchar(40))", "2007-05-08 12:35:29.1234567 +12:15", "docs datetimeoffset, example"),
    ("CAST(CAST('2007-05-08 12:35:29.1234567 +12:15' AS datetimeoffset) AS datetime2)", datetime(2007, 5, 8, 12, 35, 29, 123456), "docs datetimeoffset: the offset is cut off, the clock stays (the driver drops the 7th digit)"),
    ("CAST(CAST('12:45:56.9876543' AS time(7)) AS time(3))", "12:45:56.988", "docs time: rounded to the smaller scale"),
    ("CAST(CAST('9999-12-31 23:59:59.9999999' AS datetime2) AS date)", date(9999, 12, 31), "docs datetime2: range"),
    ("CAST(SWITCHOFFSET(CAST('1998-09-20 7:45:50.71345 -05:00' AS datetimeoffset), '-08:00') AS varchar(40))", "1998-09-20 04:45:50.7134500 -08:00", "docs SWITCHOFFSET, example"),
    ("CAST(CAST('2016-03-27 01:30:00' AS datetime2(0)) AT TIME ZONE 'UTC' AS varchar(40))", "2016-03-27 01:30:00 +00:00", "docs AT TIME ZONE: an offset is given, the clock stays"),
    ("DATEDIFF(day, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", 1, "docs DATEDIFF, borders"),
    ("DATEDIFF(hour, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", 1, "docs DATEDIFF, borders"),
    ("DATEDIFF(microsecond, '2005-12-31 23:59:59.9999999', '2006-01-01 00:00:00.0000000')", 1, "docs DATEDIFF, borders"),
    ("CASE WHEN CAST('2020-01-01 00:00:00.003' AS datetime) = CAST('2020-01-01 00:00:00.003' AS datetime2) THEN 1 ELSE 0 END", 0, "docs datetime: .003 is 1/300 s, .0033333 as datetime2 (from level 130)"),
    ("CASE 'a' WHEN 'A ' THEN 'same' END", "same", "docs CASE: compared as ="),
    ("CASE WHEN 1 = 2 THEN 1 END", None, "docs CASE"),
    ("CAST(CAST('2020-01-01 00:00:00.007' AS datetime) AS datetime2(7))", datetime(2020, 1, 1, 0, 0, 0, 6666), "docs datetime: 1/300 s, .0066667 as datetime2 (the driver drops the 7th digit)"),
    ("CONVERT(varchar(30), CAST(CAST('2020-01-01 00:00:00.007' AS datetime) AS datetime2(3)), 121)", "2020-01-01 00:00:00.007", "docs datetime2: rounded to the smaller scale"),
    ("DATALENGTH(CAST('abc ' AS nvarchar(20)))", 8, "docs DATALENGTH: blanks at the end count"),
    ("DATALENGTH(CAST(N'é' AS varchar(5)))", 1, "docs char and varchar: bytes of the code page"),
    ("DATALENGTH(CAST(N'é' COLLATE Latin1_General_100_CI_AS_SC_UTF8 AS varchar(5)))", 2, "docs Collation and Unicode support: UTF-8"),
    ("CAST(N'李' COLLATE Latin1_General_100_CI_AS_SC_UTF8 AS varchar(5))", "李", "docs Collation and Unicode support: UTF-8"),
    ("CAST(N'李' AS varchar(5))", "?", "docs nchar and nvarchar"),
    ("CONVERT(varchar(10), 0x4E61, 1)", "0x4E61", "docs CAST and CONVERT, binary styles"),
    ("CONVERT(varchar(8), CAST('2021-03-04' AS date), 112)", "20210304", "docs CAST and CONVERT, style 112"),
    ("(SELECT MAX(x) FROM (VALUES ('a'), ('B')) AS v(x))", "B", "docs MAX: by collation"),
    ("(SELECT AVG(x) FROM (VALUES (1), (2)) AS v(x))", 1, "docs AVG: int gives int"),
    ("(SELECT COUNT(x) FROM (VALUES (1), (NULL)) AS v(x))", 1, "docs COUNT: without NULL"),
    ("(SELECT COUNT(DISTINCT x) FROM (VALUES ('a'), ('A'), ('a '), ('b')) AS v(x))", 2, "docs COUNT and KB 316626"),
    ("(SELECT SUM(x) FROM (VALUES (1.10), (2.25)) AS v(x))", Decimal("3.35"), "docs SUM: decimal(38, s)"),
]  # fmt: skip

ROWS = [
    # query, rows, where it is documented
    ("SELECT x FROM (VALUES (2), (NULL), (1)) AS v(x) ORDER BY x", [None, 1, 2], "docs ORDER BY: NULL is the lowest"),
    ("SELECT x FROM (VALUES (2), (NULL), (1)) AS v(x) ORDER BY x DESC", [2, 1, None], "docs ORDER BY: NULL is the lowest"),
    ("SELECT x FROM (VALUES ('b'), ('a'), ('C')) AS v(x) ORDER BY x", ["a", "b", "C"], "docs Collation and Unicode support: dictionary order"),
    ("SELECT x FROM (VALUES ('b'), ('a'), ('C')) AS v(x) ORDER BY x COLLATE Latin1_General_BIN2", ["C", "a", "b"], "docs Collation and Unicode support: code point order"),
    ("SELECT TOP (2) x FROM (VALUES (3), (1), (2)) AS v(x) ORDER BY x", [1, 2], "docs TOP"),
    ("SELECT x FROM (VALUES (3), (1), (2)) AS v(x) ORDER BY x OFFSET 1 ROWS FETCH NEXT 1 ROWS ONLY", [2], "docs ORDER BY, OFFSET and FETCH"),
    ("SELECT COUNT(*) FROM (VALUES ('Smith'), ('SMITH'), ('smith '), (NULL), (NULL)) AS v(x) GROUP BY x ORDER BY COUNT(*)", [2, 3], "docs GROUP BY: NULLs are one group; KB 316626"),
    ("SELECT COUNT(*) FROM (SELECT DISTINCT x FROM (VALUES (0x), (0x00), (0x0000)) AS v(x)) AS d", [1], "dba 48660: DISTINCT prints one of the values"),
    ("SELECT COUNT(*) FROM (SELECT 'a' AS x UNION SELECT 'A') AS u", [1], "docs UNION: duplicates by collation"),
    ("SELECT COUNT(*) FROM (SELECT 'a' AS x UNION ALL SELECT 'A') AS u", [2], "docs UNION ALL"),
    ("SELECT COUNT(*) FROM (VALUES ('smith')) AS a(x) INNER JOIN (VALUES ('SMITH '), ('smyth')) AS b(y) ON a.x = b.y", [1], "KB 316626, joins too"),
    ("SELECT COUNT(*) FROM (VALUES (NULL)) AS a(x) INNER JOIN (VALUES (NULL)) AS b(y) ON a.x = b.y", [0], "docs FROM: NULL joins nothing"),
    (
        "SELECT CAST(x AS char(36)) FROM (VALUES (CAST('3AAAAAAA-BBBB-CCCC-DDDD-2EEEEEEEEEEE' AS uniqueidentifier)), "
        "(CAST('2AAAAAAA-BBBB-CCCC-DDDD-1EEEEEEEEEEE' AS uniqueidentifier)), (CAST('1AAAAAAA-BBBB-CCCC-DDDD-3EEEEEEEEEEE' AS uniqueidentifier))) AS v(x) ORDER BY x",
        ["2AAAAAAA-BBBB-CCCC-DDDD-1EEEEEEEEEEE", "3AAAAAAA-BBBB-CCCC-DDDD-2EEEEEEEEEEE", "1AAAAAAA-BBBB-CCCC-DDDD-3EEEEEEEEEEE"],
        "docs Comparing GUID and uniqueidentifier values, the example: the last six bytes first",
    ),
    ("SELECT value FROM OPENJSON('[\"en-GB\", \"en-UK\", \"de-AT\", \"es-AR\", \"sr-Cyrl\"]')", ["en-GB", "en-UK", "de-AT", "es-AR", "sr-Cyrl"], "docs OPENJSON, example"),
    ("SELECT n FROM OPENJSON(N'[{\"n\": 1}, {\"n\": null}, {}]') WITH (n int '$.n')", [1, None, None], "docs OPENJSON: lax paths give NULL"),
    ("SELECT v FROM OPENJSON(N'[\"x\", \"y \"]') WITH (v nvarchar(10) '$')", ["x", "y "], "docs OPENJSON with an explicit schema"),
    ("SELECT x FROM (VALUES ('a')) AS v(x) WHERE x IN (SELECT 'A ')", ["a"], "docs IN with a subquery; KB 316626"),
]  # fmt: skip

ERRORS = [
    # statement, native error number, where it is documented
    ("SELECT 1 / 0", 8134, "docs Database engine errors"),
    ("SELECT CAST('12.5' AS int)", 245, "docs CAST and CONVERT: no text with a fraction becomes int"),
    ("SELECT CAST('' AS decimal(5,2))", 8114, "docs CAST and CONVERT: an empty text is no decimal"),
    ("SELECT CAST('x' AS uniqueidentifier)", 8169, "docs Database engine errors"),
    ("SELECT CAST('2021-13-01' AS date)", 241, "docs Database engine errors"),
    ("SELECT 'The number is ' + 1", 245, "docs + (string concatenation)"),
    ("SELECT CAST(3000000000 AS int)", 8115, "docs Database engine errors"),
    ("SELECT * FROM dbo.no_such_table", 208, "docs Database engine errors"),
    ("SELECT no_such_column FROM sys.tables", 207, "docs Database engine errors"),
    ("SELECT name FROM sys.tables AS a CROSS JOIN sys.columns AS b", 209, "docs Database engine errors"),
    ("SELECT q.name FROM sys.tables AS a", 4104, "docs Database engine errors"),
    ("SELECT 1 FROM sys.tables AS a, sys.columns AS a", 1013, "docs Database engine errors"),
    ("SELECT name, COUNT(*) FROM sys.tables", 8120, "docs Database engine errors"),
    ("SELECT 1 WHERE 1", 4145, "docs Database engine errors: a number is no condition"),
    ("SELECT TRUE", 207, "T-SQL has no boolean constants: TRUE is a column"),
    ("SELECT 1 AS a LIMIT 1", 102, "T-SQL has TOP and OFFSET, not LIMIT"),
    ("SELECT 'a' || 'b'", 102, "|| is of SQL Server 2025 only"),
    ("SELECT x FROM (SELECT 1 AS x)", 102, "docs FROM: a derived table has an alias"),
    ("SELECT x FROM (SELECT 1 AS x ORDER BY 1) AS d", 1033, "docs ORDER BY: not in a derived table without TOP or OFFSET"),
    ("SELECT 1 AS x FROM (SELECT 1) AS d", 8155, "docs FROM: columns of a derived table have names"),
    ("SELECT 1 AS x FROM (SELECT 1 AS y, 2 AS y) AS d", 8156, "docs FROM: columns of a derived table have different names"),
    ("SELECT COUNT(*) FROM sys.tables GROUP BY 1", 164, "docs GROUP BY: no places, no constants"),
    ("SELECT LENGTH('a')", 195, "docs: the function is LEN"),
    ("SELECT SUBSTR('a', 1, 1)", 195, "docs: the function is SUBSTRING"),
    ("SELECT CEIL(1.5)", 195, "docs: the function is CEILING"),
    ("SELECT CAST('6F9619FF-8B86-D011-B42D-00C04FC964FF' AS uuid)", 243, "docs: the type is uniqueidentifier"),
    ("SELECT 1 FROM sys.tables AS plan", 156, "docs Reserved keywords"),
    ("SELECT 1 WHERE 'a' ILIKE 'A'", 4145, "T-SQL has no ILIKE: what stands before it is no condition (so pysqlbridge, which is held to a server)"),
    ("SELECT name FROM sys.tables ORDER BY name NULLS FIRST", 102, "T-SQL has no NULLS FIRST"),
    ("SELECT '1'::int", 102, "T-SQL has no ::"),
    ("SELECT CASE WHEN 1 = 1 THEN 1 = 1 END", 102, "T-SQL has no boolean values"),
    ("SELECT CAST(1 AS boolean)", 243, "docs Database engine errors: not a defined system type"),
    ("SELECT @nothing", 137, "docs Database engine errors"),
    ("SELECT 'a' COLLATE Klingon_CI_AS", 448, "docs Database engine errors"),
    ("SELECT 1 WHERE N'a' COLLATE Latin1_General_CI_AS = N'a' COLLATE Latin1_General_CS_AS", 468, "docs Collation precedence: two explicit collations"),
    ("SELECT * FROM OPENJSON(N'not json') WITH (v int '$')", 13609, "docs OPENJSON"),
    ("USE no_such_database", 911, "docs Database engine errors"),
    ("DROP TABLE dbo.no_such_table", 3701, "docs Database engine errors"),
    ("EXEC no_such_procedure", 2812, "docs Database engine errors"),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(tds_server: TdsServer) -> Iterator[pyodbc.Connection]:
    opened = pyodbc.connect(tds_server.connection_string(), autocommit=True)
    yield opened
    opened.close()


def one(connection: pyodbc.Connection, expression: str) -> Any:
    return connection.execute(f"SELECT {expression}").fetchval()


@pytest.mark.parametrize(("condition", "true"), [case[:2] for case in CONDITIONS], ids=[case[0] for case in CONDITIONS])
def test_a_condition_holds_as_documented(connection: pyodbc.Connection, condition: str, true: bool) -> None:
    assert one(connection, f"CASE WHEN {condition} THEN 1 ELSE 0 END") == int(true)


@pytest.mark.parametrize(("expression", "value"), [case[:2] for case in VALUES], ids=[case[0] for case in VALUES])
def test_an_expression_is_what_is_documented(connection: pyodbc.Connection, expression: str, value: Any) -> None:
    found = one(connection, f"CAST({expression} AS varchar(20))" if expression.endswith("AS time(3))") else expression)
    assert found == value
    assert not isinstance(value, Decimal) or found.as_tuple().exponent == value.as_tuple().exponent, "another scale"


@pytest.mark.parametrize(("query", "rows"), [case[:2] for case in ROWS], ids=[case[0][:80] for case in ROWS])
def test_rows_come_as_documented(connection: pyodbc.Connection, query: str, rows: list[Any]) -> None:
    assert [row[0] for row in connection.execute(query).fetchall()] == rows


@pytest.mark.parametrize(("statement", "number"), [case[:2] for case in ERRORS], ids=[case[0] for case in ERRORS])
def test_an_error_has_its_number(connection: pyodbc.Connection, statement: str, number: int) -> None:
    with pytest.raises(pyodbc.Error, match=rf"\({number}\)"):
        connection.execute(statement).fetchall()


@pytest.mark.parametrize(
    "statement", ["SELECT 1 WHERE 1 = ALL (SELECT 1)", "SELECT RANK() OVER (ORDER BY name) FROM sys.tables", "SELECT @@CPU_BUSY"]
)
def test_what_the_test_server_does_not_know_is_an_error_of_its_own(connection: pyodbc.Connection, statement: str) -> None:
    """T-SQL that it has no rule for never reaches DuckDB."""
    with pytest.raises(pyodbc.Error, match=r"\((40517|195)\)"):
        connection.execute(statement)


def test_more_than_2100_parameters_are_refused(connection: pyodbc.Connection) -> None:
    """docs Maximum capacity specifications."""
    with pytest.raises(pyodbc.Error, match=r"\(8003\)"):
        connection.execute(f"SELECT 1 WHERE 1 IN ({', '.join('?' * 2101)})", list(range(2101)))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT [user], [plan].[key] FROM (SELECT 1 AS [user], 2 AS [key]) AS [plan]",
        "SELECT TOP 1 (1) AS x",
        "WITH c(x) AS (SELECT 1 UNION ALL SELECT 2) SELECT SUM(x) FROM c WHERE x IN (1, 2) AND (x = 1 OR NOT (x <> 2))",
        'SELECT 1 AS "quoted" -- a comment',
        "SELECT COALESCE(NULLIF(1, 1), IIF(1 = 1, 2, 3)), LEFT('abc', 1) FROM (VALUES (1)) v(x) WHERE EXISTS (SELECT 1)",
        "SET NOCOUNT ON",
        "SELECT c.name FROM sys.columns AS c WITH (NOLOCK) WHERE c.name LIKE N'[_]%' OPTION (RECOMPILE)",
        "SELECT 'it''s \\' + N'x'",
    ],
)
def test_plain_t_sql_is_taken(connection: pyodbc.Connection, statement: str) -> None:
    connection.execute(statement)


def test_every_case_says_where_it_is_documented() -> None:
    cases = [*CONDITIONS, *VALUES, *ROWS, *ERRORS]
    assert all(len(case) == 3 and case[2] for case in cases)
    assert len({case[0] for case in cases}) == len(cases) >= 60


TABLE = "(id int PRIMARY KEY, name nvarchar(5) NOT NULL, code varchar(3), price money, at datetime)"


@pytest.fixture
def table(connection: pyodbc.Connection) -> Iterator[str]:
    connection.execute("DROP TABLE IF EXISTS dbo.documented")
    connection.execute(f"CREATE TABLE dbo.documented {TABLE}")
    yield "dbo.documented"
    connection.execute("DROP TABLE dbo.documented")


@pytest.mark.parametrize(
    ("values", "number"),
    [
        ("1, N'x', NULL, NULL, NULL", 2627),  # docs: violation of PRIMARY KEY
        ("2, NULL, NULL, NULL, NULL", 515),  # docs: column does not allow nulls
        ("2, N'sixsix', NULL, NULL, NULL", 2628),  # docs: would be truncated
        ("2, N'x', NULL, 1e20, NULL", 8115),  # docs: overflow
    ],
)
def test_a_row_that_does_not_fit_is_refused(connection: pyodbc.Connection, table: str, values: str, number: int) -> None:
    connection.execute(f"INSERT INTO {table} VALUES (1, N'one', 'abc', 1.5, '2021-01-01')")
    with pytest.raises(pyodbc.Error, match=rf"\({number}\)"):
        connection.execute(f"INSERT INTO {table} VALUES ({values})")
    assert one(connection, f"COUNT(*) FROM {table}") == 1


def test_blanks_that_do_not_fit_are_cut_off_in_silence(connection: pyodbc.Connection, table: str) -> None:
    """docs SET ANSI_PADDING: blanks at the end are kept as far as they fit."""
    connection.execute(f"INSERT INTO {table} VALUES (1, N'ab       ', 'abc', 1.5, NULL)")
    assert one(connection, f"DATALENGTH(name) FROM {table}") == 10


def test_text_beyond_the_code_page_is_lost_in_varchar(connection: pyodbc.Connection, table: str) -> None:
    """docs nchar and nvarchar."""
    connection.execute(f"INSERT INTO {table} (id, name, code) VALUES (1, N'x', N'Ж')")
    assert one(connection, f"code FROM {table}") == "?"


def test_a_table_of_the_same_name_is_refused(connection: pyodbc.Connection, table: str) -> None:
    with pytest.raises(pyodbc.Error, match=r"\(2714\)"):
        connection.execute(f"CREATE TABLE {table} {TABLE}")


def test_a_transaction_that_is_rolled_back_leaves_nothing(tds_server: TdsServer, connection: pyodbc.Connection, table: str) -> None:
    other = pyodbc.connect(tds_server.connection_string())
    other.execute(f"INSERT INTO {table} (id, name) VALUES (1, N'x')")
    other.rollback()
    other.execute(f"INSERT INTO {table} (id, name) VALUES (2, N'y')")
    other.commit()
    other.close()
    assert [row[0] for row in connection.execute(f"SELECT id FROM {table}").fetchall()] == [2]


def test_a_temporary_table_is_its_sessions_own(tds_server: TdsServer, connection: pyodbc.Connection) -> None:
    connection.execute("CREATE TABLE #wanted (k nvarchar(10))")
    connection.execute("INSERT INTO #wanted VALUES (N'a'), (N'b')")
    assert one(connection, "COUNT(*) FROM #wanted WHERE k = N'A'") == 1
    other = pyodbc.connect(tds_server.connection_string(), autocommit=True)
    with pytest.raises(pyodbc.Error, match=r"\(208\)"):
        other.execute("SELECT * FROM #wanted")
    other.close()
    connection.execute("DROP TABLE #wanted")


def test_a_view_is_read_like_a_table_and_is_no_table(connection: pyodbc.Connection, table: str) -> None:
    """docs CREATE VIEW, sys.objects."""
    connection.execute(f"CREATE VIEW dbo.documented_view AS SELECT id, name, price * 2 AS twice FROM {table} WHERE id > 1")
    try:
        connection.execute(f"INSERT INTO {table} (id, name, price) VALUES (1, N'a', 1), (2, N'b', 2.5)")
        assert [tuple(row) for row in connection.execute("SELECT * FROM dbo.documented_view WHERE name = N'B '")] == [
            (2, "b", Decimal("5.0000"))
        ]
        kinds = connection.execute("SELECT name, type FROM sys.objects WHERE name LIKE N'documented%' ORDER BY name").fetchall()
        assert [tuple(row) for row in kinds] == [("documented", "U "), ("documented_view", "V ")]
        with pytest.raises(pyodbc.Error, match=r"\(1033\)"):
            connection.execute(f"CREATE VIEW dbo.ordered AS SELECT id FROM {table} ORDER BY id")
    finally:
        connection.execute("DROP VIEW dbo.documented_view")


def test_the_catalog_shows_what_was_declared(connection: pyodbc.Connection, table: str) -> None:
    """docs sys.columns: max_length in bytes, collation only of texts."""
    rows = connection.execute(
        "SELECT c.name, t.name, c.max_length, c.precision, c.scale, c.collation_name, c.is_nullable FROM sys.columns AS c "
        f"INNER JOIN sys.types AS t ON t.user_type_id = c.user_type_id WHERE c.object_id = OBJECT_ID('{table}') ORDER BY c.column_id"
    ).fetchall()
    assert [tuple(row) for row in rows] == [
        ("id", "int", 4, 10, 0, None, False),
        ("name", "nvarchar", 10, 0, 0, "SQL_Latin1_General_CP1_CI_AS", False),
        ("code", "varchar", 3, 0, 0, "SQL_Latin1_General_CP1_CI_AS", True),
        ("price", "money", 8, 19, 4, None, True),
        ("at", "datetime", 8, 23, 3, None, True),
    ]


def test_the_catalog_shows_the_primary_key(connection: pyodbc.Connection, table: str) -> None:
    rows = connection.execute(
        "SELECT c.name FROM sys.indexes AS i INNER JOIN sys.index_columns AS ic ON ic.object_id = i.object_id AND ic.index_id = i.index_id "
        "INNER JOIN sys.columns AS c ON c.object_id = ic.object_id AND c.column_id = ic.column_id "
        f"WHERE i.is_primary_key = 1 AND i.object_id = OBJECT_ID('{table}') ORDER BY ic.key_ordinal"
    ).fetchall()
    assert [row[0] for row in rows] == ["id"]
