//! Samples whose fields are lines of one kernel file, each of them missing on some kernel.

/// A structure of facts of one type, and which key of the file each of them stands behind.
macro_rules! sample_of_lines {
    ($(#[$about:meta])* $name:ident of $value:ty { $($(#[$doc:meta])* $field:ident = $key:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Default)]
        pub struct $name {
            $($(#[$doc])* pub $field: Option<$value>,)+
        }

        impl $name {
            fn field(&mut self, key: &[u8]) -> Option<&mut Option<$value>> {
                Some(match key {
                    $($key => &mut self.$field,)+
                    _ => return None,
                })
            }
        }
    };
}

pub(super) use sample_of_lines;
