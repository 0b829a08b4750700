"""Documents and texts that break programs, composed by class: what RFC 8259 allows, forbids and leaves open (as the
JSON Parsing Test Suite of N. Seriot sorts them), and texts of the classes of the Big List of Naughty Strings.

The lists themselves are not copied; every class of theirs that a parser or a store can meet is here.
"""

# ruff: noqa: E501  # tables that are read by class, not by line
from __future__ import annotations

import json

VALID: dict[str, bytes] = {
    "array": b"[]", "array with spaces": b"[  ]", "array of null": b"[null]", "array heterogeneous": b'[null, 1, "1", {}]',
    "array ending with newline": b"[1]\n", "array with several null": b"[1,null,null,null,2]", "arrays": b"[[]   ]",
    "number": b"123e65", "number 0e+1": b"0e+1", "number 0e1": b"0e1", "number after space": b" 4",
    "number double close to zero": b"-0." + b"0" * 76 + b"1", "number int with exp": b"20e1", "number minus zero": b"-0",
    "number negative int": b"-123", "number negative one": b"-1", "number real capital e": b"1E22",
    "number real capital e neg exp": b"1E-2", "number real capital e pos exp": b"1E+2", "number real exponent": b"123e45",
    "number real fraction exponent": b"123.456e78", "number real neg exp": b"1e-2", "number simple real": b"123.456789",
    "object": b'{"asd":"sdf", "dfg":"fgh"}', "object basic": b'{"asd":"sdf"}', "object empty": b"{}",
    "object empty key": b'{"":0}', "object escaped null in key": b'{"foo\\u0000bar": 42}',
    "object extreme numbers": b'{"min": -1.0e+28, "max": 1.0e+28}', "object with newlines": b'{\n"a": "b"\n}',
    "object long strings": b'{"x":[{"id": "' + b"x" * 40 + b'"}], "id": "' + b"x" * 40 + b'"}',
    "object string unicode": '{"title":"Полтора Землекопа"}'.encode(), "lonely false": b"false", "lonely true": b"true",
    "lonely null": b"null", "lonely int": b"42", "lonely string": b'"asd"', "lonely negative real": b"-0.1",
    "string empty": b'""', "string 1 2 3 bytes utf-8": b'"\\u0060\\u012a\\u12AB"', "string surrogate pair": b'"\\ud801\\udc37"',
    "string surrogates escaped": b'"\\ud83d\\ude39\\ud83d\\udc8d"', "string allowed escapes": b'"\\"\\\\\\/\\b\\f\\n\\r\\t"',
    "string backslash and u quoted zero": b'"\\\\u0000"', "string double escape a": b'"\\\\a"', "string comments": b'"a/*b*/c/*d//e"',
    "string escaped control": b'"\\u0012"', "string escaped noncharacter": b'"\\uFFFF"', "string del": b'"\x7f"',
    "string last surrogates": b'"\\uDBFF\\uDFFF"', "string nbsp": '"new\u00a0line"'.encode(), "string null escape": b'"\\u0000"',
    "string u+2028": '"\u2028"'.encode(), "string u+2029": '"\u2029"'.encode(), "string utf8": '"€𝄞"'.encode(),
    "string noncharacter u+10ffff": '"\U0010ffff"'.encode(), "string uescaped newline": b'"new\\u000Aline"',
    "string unicode escaped double quote": b'"\\u0022"', "string reserved in utf-8": '"\U0001bfff"'.encode(),
    "structure whitespace": b" [ 1 , 2 ] \t\r\n", "structure trailing newline": b'["a"]\n', "structure lonely zero": b"0",
}  # fmt: skip
"""Values that every parser must accept wherever a value is allowed."""

FORBIDDEN: dict[str, bytes] = {
    "array 1 true without comma": b"[1 true]", "array invalid utf8": b"[a\xe5]", "array colon": b'["": 1]',
    "array comma after close": b'[""],', "array comma and number": b"[,1]", "array double comma": b"[1,,2]",
    "array double extra comma": b'["x",,]', "array extra close": b'["x"]]', "array extra comma": b'["",]',
    "array incomplete": b'["x"', "array incomplete invalid value": b"[x", "array inner without comma": b"[3[4]]",
    "array just comma": b"[,]", "array just minus": b"[-]", "array missing value": b'[   , ""]', "array newlines unclosed": b'["a",\n4\n,1,',
    "array number and comma": b"[1,]", "array spaces vertical tab": b'["\x0ba"\\f]', "array star inside": b"[*]",
    "array unclosed": b'[""', "array unclosed trailing comma": b"[1,", "array unclosed with object": b"[{}",
    "incomplete false": b"[fals]", "incomplete null": b"[nul]", "incomplete true": b"[tru]", "multidigit then 00": b"123\x00",
    "number ++": b"[++1234]", "number +1": b"[+1]", "number +Inf": b"[+Inf]", "number -01": b"[-01]", "number -1.0.": b"[-1.0.]",
    "number -2.": b"[-2.]", "number -NaN": b"[-NaN]", "number .-1": b"[.-1]", "number .2e-3": b"[.2e-3]", "number 0.1.2": b"[0.1.2]",
    "number 0.3e": b"[0.3e]", "number 0.3e+": b"[0.3e+]", "number 0.e1": b"[0.e1]", "number 0 capital E": b"[0E]",
    "number 1.0e": b"[1.0e]", "number 1.0e-": b"[1.0e-]", "number 1 000": b"[1 000.0]", "number 1eE2": b"[1eE2]", "number 2.e3": b"[2.e3]",
    "number 9.e+": b"[9.e+]", "number Inf": b"[Inf]", "number NaN": b"[NaN]", "number U+FF11": "[１]".encode(), "number expression": b"[1+2]",
    "number hex": b"[0x42]", "number infinity": b"[Infinity]", "number invalid+-": b"[0e+-1]", "number minus infinity": b"[-Infinity]",
    "number minus space 1": b"[- 1]", "number neg int starting with zero": b"[-012]", "number neg with garbage": b"[-1x]",
    "number real garbage after e": b"[1ea]", "number real without fractional part": b"[1.]", "number starting with dot": b"[.123]",
    "number with leading zero": b"[012]", "object bad value": b'["x", truth]', "object bracket key": b"{[: \"x\"}", "object comma": b'{"x", null}',
    "object double colon": b'{"x"::"b"}', "object emoji": "{🇨🇭}".encode(), "object garbage at end": b'{"a":"a" 123}',
    "object key with single quotes": b"{key: 'value'}", "object missing colon": b'{"a" b}', "object missing key": b'{:"b"}',
    "object missing semicolon": b'{"a" "b"}', "object missing value": b'{"a":', "object no colon": b'{"a"', "object non string key": b"{1:1}",
    "object repeated null": b"{null:null,null:null}", "object several trailing commas": b'{"id":0,,,,,}', "object single quote": b"{'a':0}",
    "object trailing comma": b'{"id":0,}', "object trailing comment": b'{"a":"b"}/**/', "object trailing comment slash": b'{"a":"b"}//',
    "object two commas in a row": b'{"a":"b",,"c":"d"}', "object unquoted key": b'{a: "b"}', "object unterminated value": b'{"a":"a',
    "object with single string": b'{ "foo" : "bar", "a" }', "object with trailing garbage": b'{"a":"b"}#', "single space": b" ",
    "string 1 surrogate then escape": b'["\\uD800\\"]', "string 1 surrogate then escape u": b'["\\uD800\\u"]',
    "string accentuated char no quotes": "[é]".encode(), "string backslash 00": b'["\\\x00"]', "string escape x": b'["\\x00"]',
    "string escaped backslash bad": b'["\\\\\\"]', "string escaped ctrl char tab": b'["\\\t"]', "string escaped emoji": '["\\🌀"]'.encode(),
    "string incomplete escape": b'["\\"]', "string incomplete escaped character": b'["\\u00A"]', "string incomplete surrogate": b'["\\uD834\\uDd"]',
    "string invalid backslash esc": b'["\\a"]', "string invalid unicode escape": b'["\\uqqqq"]', "string leading uescaped thinspace": b"[\\u0020\"asd\"]",
    "string no quotes": b"[\\n]", "string single doublequote": b'"', "string single quote": b"['single quote']", "string start escape unclosed": b'["\\',
    "string unescaped ctrl char": b'["a\x00a"]', "string unescaped newline": b'["new\nline"]', "string unescaped tab": b'["\t"]',
    "string unicode capital u": b'"\\UA66D"', "string with trailing garbage": b'""x', "structure 100000 open arrays": b"[" * 100_000,
    "structure angle bracket": b"<.>", "structure angle null": b"[<null>]", "structure array trailing garbage": b"[1]x",
    "structure array with extra close": b"[1]]", "structure unclosed string": b'["asd]', "structure capitalized true": b"[True]",
    "structure close unopened": b"1]", "structure comma instead of closing brace": b'{"x": true,', "structure double array": b"[][]",
    "structure end array": b"]", "structure incomplete utf8 bom": b"\xef\xbb{}", "structure lone invalid utf-8": b"\xe5", "structure lone open bracket": b"[",
    "structure no data": b"", "structure null byte outside string": b"[\x00]", "structure number with trailing garbage": b"2@",
    "structure object followed by closing": b"{}}", "structure object unclosed no value": b'{"":', "structure object with comment": b'{"a":/*comment*/"b"}',
    "structure object with trailing garbage": b'{"a": true} "x"', "structure open array apostrophe": b"['", "structure open array comma": b"[,",
    "structure open array object": b'[{"":' * 50_000, "structure open object": b"{", "structure open object open array": b"{[",
    "structure open open": b'["\\{["\\{["\\{["\\{', "structure single star": b"*", "structure trailing #": b'{"a":"b"}#{}', "structure u+2060": "[\u2060]".encode(),
    "structure uescaped lf before string": b'[\\u000A""]', "structure unclosed array": b"[1", "structure unclosed object": b'{"asd":"asd"',
    "structure unicode identifier": "å".encode(), "structure utf8 bom no data": b"\xef\xbb\xbf", "structure whitespace formfeed": b"[\x0c]",
}  # fmt: skip
"""Documents that no parser may accept as complete."""

OPEN: dict[str, bytes] = {
    "number double huge neg exp": b"123.456e-789", "number huge exp": b"0.4e" + b"0" * 60 + b"669999999999999999999999999999999999999",
    "number neg int huge exp": b"-1e9999", "number pos double huge exp": b"1.5e+9999", "number real underflow": b"123e-10000000",
    "number too big neg int": b"-" + b"123" * 12, "number too big pos int": b"100000000000000000000", "number very big neg int": b"-237462374673276894279832749832423479823246327846",
    "object key lone 2nd surrogate": b'{"\\uDFAA":0}', "string 1st surrogate but 2nd missing": b'"\\uDADA"', "string 1st valid 2nd invalid": b'"\\uD888\\u1234"',
    "string incomplete surrogates": b'"\\uD800\\uD800\\n"', "string inverted surrogates": b'"\\uDd1e\\uD834"', "string iso latin 1": b'"\xe9"',
    "string lone utf8 continuation byte": b'"\x81"', "string overlong sequence 2 bytes": b'"\xc0\xaf"', "string overlong sequence 6 bytes": b'"\xfc\x83\xbf\xbf\xbf\xbf"',
    "string truncated utf-8": b'"\xe0\xff"', "string utf-8 invalid": b'"\xff"', "string not in unicode range": b'"\xf4\xbf\xbf\xbf"', "string utf16 with bom": b'\xff\xfe"\x00"\x00',
    "structure 500 nested arrays": b"[" * 500 + b"]" * 500, "structure utf-8 bom empty object": b"\xef\xbb\xbf{}",
}  # fmt: skip
"""What RFC 8259 leaves to the parser: accepting or refusing is right, but nothing may break."""

NAUGHTY: tuple[str, ...] = (
    # reserved words, and what programs take for null or a number
    "undefined", "undef", "null", "NULL", "(null)", "nil", "NIL", "true", "false", "True", "False", "TRUE", "FALSE", "None", "hasOwnProperty", "then",
    "constructor", "\\", "\\\\", "0", "1", "1.00", "$1.00", "1/2", "1E2", "1E02", "1E+02", "-1", "-1.00", "-$1.00", "-1/2", "-1E2", "1/0", "0/0",
    "-2147483648/-1", "-9223372036854775808/-1", "-0", "-0.0", "+0", "+0.0", "0.00", "0..0", ".", "0.0.0", "0,00", "0,,0", ",", "0,0,0", "0.0/0",
    "1.0/0.0", "0.0/0.0", "--1", "-", "-.", "-,", "999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999999", "NaN",
    "Infinity", "-Infinity", "INF", "1#INF", "-1#IND", "1#QNAN", "0x0", "0xffffffff", "0xabad1dea", "123456789012345678901234567890123456789",
    "1,000.00", "1 000.00", "1'000.00", "1,000,000.00", "01000", "08", "09", "2.2250738585072011e-308", "1e400", "__proto__", "__class__",
    # ASCII and Unicode symbols
    ",./;'[]\\-=", '<>?:"{}|_+', "!@#$%^&*()`~", "\x01\x02\x03\x04\x05\x06\x07\x08\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f",
    "\x80\x81\x82\x83\x84\x86\x87\x88\x89\x8a\x8b\x8c\x8d\x8e\x8f\x90\x9b\x9f", "\t\x0b\x0c\x85\xa0\u1680\u2000\u2001\u2002\u2003\u2028\u2029\u202f\u205f\u3000",
    "\xad\u0600\u0601\u061c\u06dd\u070f\u180e\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2061\ufeff\ufff9\ufffa\ufffb", "\ufeff", "\ufffe",
    "Ω≈ç√∫˜µ≤≥÷", "åß∂ƒ©˙∆˚¬…æ", "œ∑´®†¥¨ˆøπ“‘", "¡™£¢∞§¶•ªº–≠", "¸˛Ç◊ı˜Â¯˘¿", "ÅÍÎÏ˝ÓÔ\uf8ffÒÚÆ☃", "Œ„´‰ˇÁ¨ˆØ∏”’", "`⁄€‹›ﬁﬂ‡°·‚—±", "⅛⅜⅝⅞", "ЁЂЃЄЅІЇЈЉЊЋЌЍЎЏАБВ",
    "٠١٢٣٤٥٦٧٨٩", "⁰⁴⁵", "₀₁₂", "⁰⁴⁵₀₁₂", "ด้้้้้็็็็็้้้้้็็็็", "'", '"', "''", '""', "'\"'", '"\'\'\'\'"\'"', "<foo val=“bar” />",
    # two-byte, wide, right-to-left, combining, emoji
    "田中さんにあげて下さい", "パーティーへ行かないか", "和製漢語", "部落格", "사회과학원 어학연구소", "찦차를 타고 온 펲시맨과 쑛다리 똠방각하", "𠜎𠜱𠝹𠱓𠱸𠲖𠳏", "Ⱥ", "Ⱦ", "ヽ༼ຈل͜ຈ༽ﾉ",
    "(｡◕ ∀ ◕｡)", "ﾟ･✿ヾ╲(｡◕‿◕｡)╱✿･ﾟ", "😍", "👩🏽", "👨‍🦰 👨🏿‍🦰", "👾 🙇 💁 🙅", "🐵 🙈 🙉 🙊", "❤️ 💔 💌", "✋🏿 💪🏿", "👨‍👩‍👦", "🇺🇸🇷🇺🇸 🇦🇫🇦🇲🇸", "１２３", "١٢٣",
    "ثم نفس سقطت وبالتحديد،, جزيرتي", "בְּרֵאשִׁית, בָּרָא אֱלֹהִים", "הָיְתָהtestالصفحات التّحول", "﷽", "ﷺ", "\u202a\u202atest\u202a", "\u202btest\u202b", "\u2029test\u2029",
    "test\u2060test\u202b", "\u2066test\u2067", "Ṱ̺̺̕o͞ ̷i̲̬͇̪͙n̝̗͕v̟̜̘̦͟o̶̙̰̠kè͚̮̺̪̹̱̤", "Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮", "˙ɐnbᴉlɐ ɐuƃɐɯ", "Ｔｈｅ ｑｕｉｃｋ", "𝐓𝐡𝐞 𝐪𝐮𝐢𝐜𝐤", "𝕋𝕙𝕖 𝕢𝕦𝕚𝕔𝕜", "⒯⒣⒠ ⒬⒰⒤⒞⒦",
    "İstanbul ı", "ﬀﬁ", "e\u0301\u0302\u0303" * 20, "\u0300" * 40,
    # script, server code, SQL, commands, XML, formats, paths, terminals
    "<script>alert(0)</script>", "&lt;script&gt;alert(1);&lt;/script&gt;", "<svg><script>1<3</script>", '"><script>alert(3)</script>', "'><script>alert(4)</script>",
    "</script><script>alert(6)</script>", '" onfocus=JaVaSCript:alert(10) autofocus', "javascript:alert(1);", "<sc<script>ript>alert(13)</sc</script>ript>",
    "<IMG SRC=JaVaScRiPt:alert(1)>", "<img \x00src=x onerror=\"alert(1)\">", "<iframe src=http://x/ <", "\\\";alert('223');//", "<<SCRIPT>alert(1);//<</SCRIPT>",
    "1;DROP TABLE users", "1'; DROP TABLE users-- 1", "' OR 1=1 -- 1", "' OR '1'='1", "'; EXEC sp_MSForEachTable 'DROP TABLE ?'; --", "%", "_", "\\'; --",
    "--version", "--help", "$USER", "/dev/null; touch /tmp/blns.fail ; echo", "`touch /tmp/blns.fail`", "$(touch /tmp/blns.fail)", "@{[system \"touch /tmp/blns.fail\"]}",
    'eval("puts \'hello world\'")', 'System("ls -al /")', "Kernel.exit(1)", "<?xml version=\"1.0\"?><!DOCTYPE foo [<!ENTITY xxe SYSTEM \"file:///etc/passwd\">]><foo>&xxe;</foo>",
    "$HOME", "$ENV{'HOME'}", "%d", "%s%s%s%s%s", "{0}", "%*.*s", "%@", "%n", "File:///", "{{ 7*7 }}", "{% debug %}", "${7*7}", "#{7*7}", "<%= 7*7 %>",
    "../../../../../../../../../../../etc/passwd%00", "../../../../etc/hosts", "..\\..\\windows\\win.ini", "CON", "PRN", "AUX", "COM1", "NUL", "() { 0; }; touch /tmp/blns.fail;",
    "+++ATH0", "\x1b[31mred\x1b[0m", "\x1b[2J", "\x1b]0;title\x07", "\x9b31m", "DCC SEND STARTKEYLOGGER 0 0 0", "If you're reading this, you've been in a coma",
    "Powerلُلُصّبُلُلصّبُررً ॣ ॣh ॣ ॣ冗", "🏳0🌈️", "జ్ఞ\u200cా", "گچپژ", "=cmd|' /C calc'!A0", "@SUM(1+1)*cmd", "+1+1", "-2+3",
    "\r\nBcc: evil@x", "=?utf-8?q?x=0D=0A?=", "<!channel>", "<@U012AB3CD>", "[link](javascript:alert(1))", "a" * 5000, " ", "  \t ", "", "\x00", "A\x00B",
)  # fmt: skip
"""Texts for every text field. Lone surrogates are separate: JSON can hold them, text files cannot."""

SURROGATES = ("\ud800", "\udfff", "a\udc00b", "\ud83d")


def quoted(text: str) -> bytes:
    """The text as a JSON string in ASCII, lone surrogates as escapes."""
    return json.dumps(text).encode("ascii")
