//! The page at `/` of an exporter: what it is and where its metrics are.

use axum::body::Body;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};

/// What the page says.
#[derive(Clone, Debug, Default)]
pub struct Landing {
    /// Title and heading.
    pub name: String,
    /// One sentence.
    pub description: String,
    /// Version, in words.
    pub version: String,
    /// Links: address, text, and a sentence.
    pub links: Vec<(String, String, String)>,
}

impl Landing {
    /// The page; every text is escaped.
    #[must_use]
    pub fn html(&self) -> String {
        let (name, description) = (escape_html(&self.name), escape_html(&self.description));
        let mut html = format!(
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width\">\n<title>{name}</title>\n\
             <style>body{{font-family:sans-serif;margin:2em auto;max-width:40em;padding:0 1em}}\
             h1{{border-bottom:2px solid #e6522c}}</style>\n</head>\n<body>\n<h1>{name}</h1>\n\
             <p>{description}</p>\n<p>Version: {}</p>\n<ul>\n",
            escape_html(&self.version)
        );
        for (address, text, about) in &self.links {
            let (address, text, about) =
                (escape_html(address), escape_html(text), escape_html(about));
            let about = if about.is_empty() { about } else { format!(": {about}") };
            html.push_str(&format!("<li><a href=\"{address}\">{text}</a>{about}</li>\n"));
        }
        html.push_str("</ul>\n</body>\n</html>\n");
        html
    }

    /// The page as an answer.
    #[must_use]
    pub fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::from(self.html()));
        *response.status_mut() = StatusCode::OK;
        let kind = HeaderValue::from_static("text/html; charset=UTF-8");
        response.headers_mut().insert(CONTENT_TYPE, kind);
        response
    }
}

/// Text for HTML, also in quotes, as Go's `html.EscapeString`.
#[must_use]
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&#34;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::Landing;

    #[test]
    fn texts_cannot_break_out() {
        let landing = Landing {
            name: "<b>".to_owned(),
            links: vec![("\"x".to_owned(), "a&b".to_owned(), String::new())],
            ..Landing::default()
        };
        let html = landing.html();
        assert!(html.contains("<h1>&lt;b&gt;</h1>"), "{html}");
        assert!(html.contains("<li><a href=\"&#34;x\">a&amp;b</a></li>"), "{html}");
    }
}
