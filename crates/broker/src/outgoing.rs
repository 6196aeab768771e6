//! Answers on their way to a client: what is in memory is written, what lies in a file goes from there to the socket.

use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::time::Duration;

use bytes::{Buf, Bytes};
use millrace_log::{FileRange, Piece};
use rustix::fs::sendfile;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, Interest};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use crate::answers::on_disk;
use crate::connection::Ended;

/// Read at once of a file whose bytes have to come by here.
const READ_BYTES: usize = 256 << 10;

/// What a client is connected by.
pub(crate) trait Transport: AsyncRead + AsyncWrite + Unpin {
    /// The socket, where bytes go over it as they are.
    fn plain(&self) -> Option<&TcpStream>;
}

impl Transport for TcpStream {
    fn plain(&self) -> Option<&TcpStream> {
        Some(self)
    }
}

impl Transport for TlsStream<TcpStream> {
    fn plain(&self) -> Option<&TcpStream> {
        None
    }
}

/// Sends an answer, of which the client takes something at least every `stall_time_max`.
pub(crate) async fn send<S: Transport>(
    stream: &mut S,
    pieces: Vec<Piece>,
    stall_time_max: Duration,
) -> Result<(), Ended> {
    let mut chunks = Chunks::default();
    for piece in pieces {
        match piece {
            Piece::Memory(bytes) => chunks.0.push_back(bytes),
            Piece::File(range) => {
                write(stream, &mut chunks, stall_time_max).await?;
                send_file(stream, &range, stall_time_max).await?;
            }
        }
    }
    write(stream, &mut chunks, stall_time_max).await?;
    // What is encrypted may still wait for its last bytes to be sent.
    Ok(timeout(stall_time_max, stream.flush()).await.map_err(|_| Ended::Stalled)??)
}

async fn write<S: Transport>(stream: &mut S, chunks: &mut Chunks, stall_time_max: Duration) -> Result<(), Ended> {
    while chunks.has_remaining() {
        timeout(stall_time_max, stream.write_buf(chunks)).await.map_err(|_| Ended::Stalled)??;
    }
    Ok(())
}

async fn send_file<S: Transport>(stream: &mut S, range: &FileRange, stall_time_max: Duration) -> Result<(), Ended> {
    let mut sent = match stream.plain() {
        Some(socket) => splice(socket, range, stall_time_max).await?,
        None => 0,
    };
    while sent < range.len() {
        let read = on_disk(|| range.read(sent, READ_BYTES))?;
        sent += read.len();
        write(stream, &mut Chunks([read].into()), stall_time_max).await?;
    }
    Ok(())
}

/// Has the system send from the file; answers how much it has sent, which is less only where it cannot do that.
async fn splice(socket: &TcpStream, range: &FileRange, stall_time_max: Duration) -> Result<usize, Ended> {
    let mut position = range.position();
    let end = position + range.len() as u64;
    while position < end {
        timeout(stall_time_max, socket.writable()).await.map_err(|_| Ended::Stalled)??;
        let left = usize::try_from(end - position).unwrap_or(usize::MAX);
        // The socket does not block, but the disk does.
        let sent = socket.try_io(Interest::WRITABLE, || {
            on_disk(|| sendfile(socket, range.file(), Some(&mut position), left)).map_err(io::Error::from)
        });
        match sent {
            Ok(0) => return Err(io::Error::from(io::ErrorKind::UnexpectedEof).into()),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            // Not every file system can.
            Err(error) if matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::Unsupported) => break,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(usize::try_from(position - range.position()).unwrap_or(usize::MAX))
}

/// The chunks of an answer, sent by as few calls as the system allows.
#[derive(Default)]
struct Chunks(VecDeque<Bytes>);

impl Buf for Chunks {
    fn remaining(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    fn chunk(&self) -> &[u8] {
        self.0.front().map_or(&[], |chunk| chunk)
    }

    fn chunks_vectored<'a>(&'a self, to: &mut [IoSlice<'a>]) -> usize {
        let filled = self.0.len().min(to.len());
        to.iter_mut().zip(&self.0).for_each(|(slice, chunk)| *slice = IoSlice::new(chunk));
        filled
    }

    fn advance(&mut self, mut count: usize) {
        while let Some(front) = self.0.front_mut() {
            if count < front.len() {
                front.advance(count);
                return;
            }
            count -= front.len();
            self.0.pop_front();
        }
    }
}
