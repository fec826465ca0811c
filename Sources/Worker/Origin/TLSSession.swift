// A TLS session that the next connection to the same origin may go on with (RFC 8446 section 2.2): a signature and a
// certificate less. It belongs to one origin of one worker, by whose name and authorities it was checked.

internal import COpenSSL

/// A reference, since the library counts its sessions too; never touched while a hit is answered.
@safe final class TLSSession {
    private let session: OpaquePointer

    /// Takes the caller's reference over.
    @unsafe init(_ session: OpaquePointer) { unsafe self.session = session }

    deinit { unsafe SSL_SESSION_free(session) }

    /// Has a stream offer it to the server, which may decline.
    @unsafe func offer(on stream: OpaquePointer) { _ = unsafe SSL_set_session(stream, session) }
}

extension TLSStream {
    /// What the server has given for coming back, if anything: known once a response was read.
    borrowing func session() -> TLSSession? {
        guard let session = unsafe SSL_get1_session(stream) else { return nil }
        guard unsafe SSL_SESSION_is_resumable(session) == 1 else {
            unsafe SSL_SESSION_free(session)
            return nil
        }
        return unsafe TLSSession(session)
    }

    /// To be called before the handshake.
    borrowing func resume(_ session: TLSSession) { unsafe session.offer(on: stream) }
}
