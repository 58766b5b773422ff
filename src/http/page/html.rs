//! HTML in which nothing but our own words can be markup: raw text is `'static`, everything else is escaped and bounded.

/// Longest foreign text in characters; the rest is cut.
const LONGEST: usize = 400;

/// A document in the making.
#[derive(Debug, Default)]
pub(super) struct Html(String);

impl Html {
    /// Markup of our own.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Anything else, for elements and for quoted attributes.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for (position, c) in text.chars().enumerate() {
            if position == LONGEST {
                self.0.push('…');
                break;
            }
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&#39;"),
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self
    }

    /// A bar for a share of 0 to 1, by the class `good`, `warn` or `bad`. The number is written beside it by the caller.
    pub fn bar(&mut self, class: &'static str, share: f64) -> &mut Self {
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        self.raw("<progress class=\"").raw(class).raw("\" max=\"100\" value=\"");
        self.text(&format!("{:.1}", share * 100.0)).raw("\"></progress>")
    }

    pub fn into_string(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(text: &str) -> String {
        let mut html = Html::default();
        html.text(text);
        html.into_string()
    }

    #[test]
    fn no_text_can_be_markup() {
        assert_eq!(escaped("<a href=\"x\" title='y'>&"), "&lt;a href=&quot;x&quot; title=&#39;y&#39;&gt;&amp;");
    }

    #[test]
    fn foreign_text_is_bounded_and_tame() {
        assert_eq!(escaped(&"x".repeat(5000)).chars().count(), LONGEST + 1);
        assert_eq!(escaped("a\u{1b}[31m\nb"), "a [31m b");
    }
}
