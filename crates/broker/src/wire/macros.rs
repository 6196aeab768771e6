//! Messages as tables of fields.

/// Structs with their fields as the wire has them, in order, each with the versions that have it:
///
/// ```text
/// message! {
///     /// A request.
///     Request {
///         name: String = 0..;
///         texts: Option<Vec<String>> = 0..=3, null 1..;
///         limit: i32 = 2.., default -1;
///         part: Part = 4.., tag 0;
///     }
/// }
/// ```
///
/// - A field that a version does not have is not written, and has its default after reading: that of its type, or the
///   one after `default`.
/// - `null`: the versions in which an optional field may be null, unless that is all. In the others null is refused,
///   and an empty value is written for it.
/// - `tag`: the field is one of the numbered ones at the end of the struct, and left out if it has its default. They
///   are listed last, by rising number.
macro_rules! message {
    ($(
        $(#[$doc:meta])*
        $name:ident {
            $($field:ident: $type:ty = $versions:expr
                $(, default $default:expr)? $(, null $null:expr)? $(, tag $tag:literal)?;)*
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq)]
        pub struct $name {
            $(
                #[doc = concat!("In versions `", stringify!($versions), "`.")]
                pub $field: $type,
            )*
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: message!(@default $($default)?),)* }
            }
        }

        impl $crate::wire::Value for $name {
            fn read(
                reader: &mut $crate::wire::Reader,
                version: $crate::wire::Version,
            ) -> Result<Self, $crate::wire::WireError> {
                let mut message = Self::default();
                $(message!(@read message $field reader version ($versions) ($($null)?) ($($tag)?));)*
                if version.flexible {
                    reader.take_tags(|_tag, _reader| {
                        $(message!(@read_tag message $field _reader version ($versions) _tag ($($tag)?));)*
                        Ok(false)
                    })?;
                }
                Ok(message)
            }

            fn write(&self, writer: &mut $crate::wire::Writer, version: $crate::wire::Version) {
                $(message!(@write self $field writer version ($versions) ($($null)?) ($($tag)?));)*
                if version.flexible {
                    let tags: u32 = 0
                        $(+ message!(@count self $field $type, version ($versions) ($($default)?) ($($tag)?)))*;
                    writer.put_varint(tags);
                    $(message!(@write_tag self $field $type, writer version ($versions) ($($default)?) ($($tag)?));)*
                }
            }

            fn bytes_min(version: $crate::wire::Version) -> usize {
                usize::from(version.flexible) $(+ message!(@bytes_min $type, version ($versions) ($($tag)?)))*
            }
        }
    )*};

    (@default) => { Default::default() };
    (@default $default:expr) => { $default };

    (@read $message:ident $field:ident $reader:ident $version:ident ($versions:expr) () ()) => {
        if ($versions).contains(&$version.number) {
            $message.$field = $crate::wire::Value::read($reader, $version)?;
        }
    };
    (@read $message:ident $field:ident $reader:ident $version:ident ($versions:expr) ($null:expr) ()) => {
        if ($versions).contains(&$version.number) {
            $message.$field = $crate::wire::Value::read($reader, $version)?;
            if $message.$field.is_none() && !($null).contains(&$version.number) {
                return Err($crate::wire::WireError::Null);
            }
        }
    };
    (@read $message:ident $field:ident $reader:ident $version:ident ($versions:expr) ($($null:expr)?)
        ($tag:literal)) => {};

    (@read_tag $message:ident $field:ident $reader:ident $version:ident ($versions:expr) $number:ident ()) => {};
    (@read_tag $message:ident $field:ident $reader:ident $version:ident ($versions:expr) $number:ident
        ($tag:literal)) => {
        if $number == $tag && ($versions).contains(&$version.number) {
            $message.$field = $crate::wire::Value::read($reader, $version)?;
            return Ok(true);
        }
    };

    (@write $self:ident $field:ident $writer:ident $version:ident ($versions:expr) () ()) => {
        if ($versions).contains(&$version.number) {
            $crate::wire::Value::write(&$self.$field, $writer, $version);
        }
    };
    (@write $self:ident $field:ident $writer:ident $version:ident ($versions:expr) ($null:expr) ()) => {
        if ($versions).contains(&$version.number) {
            if $self.$field.is_none() && !($null).contains(&$version.number) {
                let mut empty = $self.$field.clone();
                $crate::wire::Value::write(empty.get_or_insert_default(), $writer, $version);
            } else {
                $crate::wire::Value::write(&$self.$field, $writer, $version);
            }
        }
    };
    (@write $self:ident $field:ident $writer:ident $version:ident ($versions:expr) ($($null:expr)?)
        ($tag:literal)) => {};

    (@count $self:ident $field:ident $type:ty, $version:ident ($versions:expr) ($($default:expr)?) ()) => { 0 };
    (@count $self:ident $field:ident $type:ty, $version:ident ($versions:expr) ($($default:expr)?) ($tag:literal)) => {
        u32::from(($versions).contains(&$version.number) && message!(@differs $self $field $type, $($default)?))
    };

    (@write_tag $self:ident $field:ident $type:ty, $writer:ident $version:ident ($versions:expr) ($($default:expr)?)
        ()) => {};
    (@write_tag $self:ident $field:ident $type:ty, $writer:ident $version:ident ($versions:expr) ($($default:expr)?)
        ($tag:literal)) => {
        if ($versions).contains(&$version.number) && message!(@differs $self $field $type, $($default)?) {
            $writer.put_tag($tag, |field| $crate::wire::Value::write(&$self.$field, field, $version));
        }
    };

    (@differs $self:ident $field:ident $type:ty, $($default:expr)?) => {{
        let default: $type = message!(@default $($default)?);
        $self.$field != default
    }};

    (@bytes_min $type:ty, $version:ident ($versions:expr) ()) => {
        if ($versions).contains(&$version.number) { <$type as $crate::wire::Value>::bytes_min($version) } else { 0 }
    };
    (@bytes_min $type:ty, $version:ident ($versions:expr) ($tag:literal)) => { 0 };
}

pub(super) use message;
