//! Unicode categories and scripts under the names that Go knows.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

/// Categories with short name and long names, as Go knows them.
const CATEGORIES: &[(&str, &[&str])] = &[
    ("c", &["other"]),
    ("cc", &["control", "cntrl"]),
    ("cf", &["format"]),
    ("cn", &["unassigned"]),
    ("co", &["privateuse"]),
    ("cs", &["surrogate"]),
    ("l", &["letter"]),
    ("lc", &["casedletter"]),
    ("ll", &["lowercaseletter"]),
    ("lm", &["modifierletter"]),
    ("lo", &["otherletter"]),
    ("lt", &["titlecaseletter"]),
    ("lu", &["uppercaseletter"]),
    ("m", &["mark", "combiningmark"]),
    ("mc", &["spacingmark"]),
    ("me", &["enclosingmark"]),
    ("mn", &["nonspacingmark"]),
    ("n", &["number"]),
    ("nd", &["decimalnumber", "digit"]),
    ("nl", &["letternumber"]),
    ("no", &["othernumber"]),
    ("p", &["punctuation", "punct"]),
    ("pc", &["connectorpunctuation"]),
    ("pd", &["dashpunctuation"]),
    ("pe", &["closepunctuation"]),
    ("pf", &["finalpunctuation"]),
    ("pi", &["initialpunctuation"]),
    ("po", &["otherpunctuation"]),
    ("ps", &["openpunctuation"]),
    ("s", &["symbol"]),
    ("sc", &["currencysymbol"]),
    ("sk", &["modifiersymbol"]),
    ("sm", &["mathsymbol"]),
    ("so", &["othersymbol"]),
    ("z", &["separator"]),
    ("zl", &["lineseparator"]),
    ("zp", &["paragraphseparator"]),
    ("zs", &["spaceseparator"]),
];

/// The scripts of Unicode 15, in lower case and without underscores. Unlike categories they have no
/// short names in Go.
const SCRIPTS: &str = " adlam ahom anatolianhieroglyphs arabic armenian avestan balinese bamum \
bassavah batak bengali bhaiksuki bopomofo brahmi braille buginese buhid canadianaboriginal carian \
caucasianalbanian chakma cham cherokee chorasmian common coptic cuneiform cypriot cyprominoan \
cyrillic deseret devanagari divesakuru dogra duployan egyptianhieroglyphs elbasan elymaic ethiopic \
georgian glagolitic gothic grantha greek gujarati gunjalagondi gurmukhi han hangul hanifirohingya \
hanunoo hatran hebrew hiragana imperialaramaic inherited inscriptionalpahlavi \
inscriptionalparthian javanese kaithi kannada katakana kawi kayahli kharoshthi khitansmallscript \
khmer khojki khudawadi lao latin lepcha limbu lineara linearb lisu lycian lydian mahajani makasar \
malayalam mandaic manichaean marchen masaramgondi medefaidrin meeteimayek mendekikakui \
meroiticcursive meroitichieroglyphs miao modi mongolian mro multani myanmar nabataean nagmundari \
nandinagari newtailue newa nko nushu nyiakengpuachuehmong ogham olchiki oldhungarian olditalic \
oldnortharabian oldpermic oldpersian oldsogdian oldsoutharabian oldturkic olduyghur oriya osage \
osmanya pahawhhmong palmyrene paucinhau phagspa phoenician psalterpahlavi rejang runic samaritan \
saurashtra sharada shavian siddham signwriting sinhala sogdian sorasompeng soyombo sundanese \
sylotinagri syriac tagalog tagbanwa taile taitham taiviet takri tamil tangsa tangut telugu thaana \
thai tibetan tifinagh tirhuta toto ugaritic vai vithkuqi wancho warangciti yezidi yi \
zanabazarsquare ";

/// The class with a name, compared without case, underscores, dashes and spaces.
pub(crate) fn class(name: &str) -> Option<ClassUnicode> {
    let name: String = name
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .map(|c| c.to_ascii_lowercase())
        .collect();
    match name.as_str() {
        "any" => return Some(ClassUnicode::new([ClassUnicodeRange::new('\0', char::MAX)])),
        "ascii" => return Some(ClassUnicode::new([ClassUnicodeRange::new('\0', '\x7f')])),
        "assigned" => {
            let mut class = named("gc=cn")?;
            class.negate();
            return Some(class);
        }
        // No surrogate can stand in UTF-8.
        "cs" | "surrogate" => return Some(ClassUnicode::empty()),
        _ => {}
    }
    let category = CATEGORIES.iter().find(|(short, long)| *short == name || long.contains(&&*name));
    if let Some((short, _)) = category {
        return named(&format!("gc={short}"));
    }
    let known = !name.is_empty() && SCRIPTS.contains(&format!(" {name} "));
    if known { named(&format!("sc={name}")) } else { None }
}

/// Takes a class out of the tables of regex-syntax, which gives them by pattern only.
fn named(property: &str) -> Option<ClassUnicode> {
    let hir = regex_syntax::parse(&format!(r"\p{{{property}}}")).ok()?;
    match hir.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        // A class of one character, as the line separator, is folded to a literal.
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(c, c)]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_in_the_tables_has_a_class() {
        for (short, long) in CATEGORIES {
            for name in long.iter().chain([short]) {
                assert!(class(name).is_some(), "{name}");
            }
        }
        for name in SCRIPTS.split_whitespace() {
            assert!(class(name).is_some(), "{name}");
        }
        assert!(class("").is_none());
        assert!(class("grek").is_none());
        assert!(class("lao latin").is_none());
    }
}
