//! What stands in front of requests and answers.

use super::api::Api;
use super::value::{Value, Version};
use super::{Reader, WireError, Writer};

/// How the fields of all headers are written: lengths never are varints here.
const OLD: Version = Version { number: 0, flexible: false };

/// What stands in front of a request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RequestHeader {
    /// Number of the kind of request, which may be an unknown one.
    pub api_key: i16,
    /// Version of the request, which may be an unknown one.
    pub api_version: i16,
    /// What the answer has to repeat.
    pub correlation_id: i32,
    /// What the client calls itself.
    pub client_id: Option<String>,
}

impl RequestHeader {
    /// Takes a header off the front of a frame. After an unknown kind of request nothing else can be read.
    pub fn read(reader: &mut Reader) -> Result<Self, WireError> {
        let header = Self {
            api_key: i16::read(reader, OLD)?,
            api_version: i16::read(reader, OLD)?,
            correlation_id: i32::read(reader, OLD)?,
            client_id: Option::read(reader, OLD)?,
        };
        if header.has_tags() {
            reader.take_tags(|_, _| Ok(false))?;
        }
        Ok(header)
    }

    /// Appends the header to a frame.
    pub fn write(&self, writer: &mut Writer) {
        self.api_key.write(writer, OLD);
        self.api_version.write(writer, OLD);
        self.correlation_id.write(writer, OLD);
        self.client_id.write(writer, OLD);
        if self.has_tags() {
            writer.put_varint(0);
        }
    }

    /// The kind of request, if it is known.
    pub fn api(&self) -> Option<&'static Api> {
        Api::of(self.api_key)
    }

    /// The version, if the kind of request is known and can be read in it.
    pub fn version(&self) -> Option<Version> {
        self.api()?.version(self.api_version)
    }

    fn has_tags(&self) -> bool {
        self.api().is_some_and(|api| api.request_header(self.api_version) >= 2)
    }
}

/// What stands in front of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ResponseHeader {
    /// What the request had for it.
    pub correlation_id: i32,
}

impl ResponseHeader {
    /// Takes the header of an answer to a request of version `number` off the front of a frame.
    pub fn read(reader: &mut Reader, api: &Api, number: i16) -> Result<Self, WireError> {
        let header = Self { correlation_id: i32::read(reader, OLD)? };
        if api.response_header(number) >= 1 {
            reader.take_tags(|_, _| Ok(false))?;
        }
        Ok(header)
    }

    /// Appends the header of an answer to a request of version `number` to a frame.
    pub fn write(&self, writer: &mut Writer, api: &Api, number: i16) {
        self.correlation_id.write(writer, OLD);
        if api.response_header(number) >= 1 {
            writer.put_varint(0);
        }
    }
}
