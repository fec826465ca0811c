// The size line of a chunk, `size *( ";" name [ "=" value ] ) CRLF` (RFC 9112 section 7.1), byte by byte and across
// any cut. Extensions are checked and forgotten; white space is allowed where the grammar calls it bad white space.

/// A size line on its way in.
struct ChunkLine: Sendable {
    /// The size, once the line is complete.
    private(set) var size: UInt64 = 0
    private var state = State.size
    /// Digits of the size, leading zeros left out.
    private var digits = 0
    private var lineBytes = 0
    /// Bytes of extensions in the whole body.
    private var extensionBytes = 0

    private enum State: UInt8 {
        case size, beforeSemicolon, beforeName, name, afterName, beforeValue, token, quoted, escaped, afterValue,
            lineFeed
    }

    /// Gets ready for the body's next line.
    mutating func reset() {
        size = 0
        state = .size
        digits = 0
        lineBytes = 0
    }

    /// Takes bytes from `position` on until the line ends.
    mutating func parse(_ input: RawSpan, _ position: inout Int, _ limits: MessageLimits) -> SectionProgress {
        while position < input.byteCount {
            let byte = input.byte(at: position)
            position &+= 1
            lineBytes &+= 1
            if state == .lineFeed { return byte == 0x0A ? .complete : .rejected(.invalidChunkExtension) }
            if state == .size {
                // The byte that ends the size is not counted.
                guard lineBytes <= limits.chunkLineBytes &+ 1 else { return .rejected(.invalidChunkSize) }
                if let reason = takeDigit(byte) { return .rejected(reason) }
                continue
            }
            extensionBytes &+= 1
            guard lineBytes <= limits.chunkLineBytes, extensionBytes <= limits.chunkExtensionBytes else {
                return .rejected(.chunkExtensionsTooLong)
            }
            guard let following = following(byte) else { return .rejected(.invalidChunkExtension) }
            state = following
        }
        return .needMore
    }

    /// A byte of the size, or the first one behind it.
    private mutating func takeDigit(_ byte: UInt8) -> Rejection? {
        let digit = ByteClass.hexadecimalValue(byte)
        if digit != 255 {
            if digit != 0 || digits > 0 { digits &+= 1 }
            guard digits <= 16 else { return .invalidChunkSize }
            size = size << 4 | UInt64(digit)
            return nil
        }
        guard lineBytes > 1, size <= UInt64(Int64.max) else { return .invalidChunkSize }
        switch byte {
        case 0x0D: state = .lineFeed
        case 0x3B: state = .beforeName
        case 0x20, 0x09: state = .beforeSemicolon
        default: return .invalidChunkSize
        }
        return nil
    }

    /// The state after a byte of the extensions, nil if the byte may not be there.
    private func following(_ byte: UInt8) -> State? {
        let isBlank = ByteClass.isBlank(byte)
        let isToken = ByteClass.isToken(byte)
        switch state {
        case .beforeSemicolon: return byte == 0x3B ? .beforeName : isBlank ? .beforeSemicolon : nil
        case .beforeName: return isToken ? .name : isBlank ? .beforeName : nil
        case .name:
            if isToken { return .name }
            return byte == 0x3D ? .beforeValue : isBlank ? .afterName : ended(byte)
        case .afterName: return byte == 0x3D ? .beforeValue : byte == 0x3B ? .beforeName : isBlank ? .afterName : nil
        case .beforeValue: return isToken ? .token : byte == 0x22 ? .quoted : isBlank ? .beforeValue : nil
        case .token: return isToken ? .token : isBlank ? .beforeSemicolon : ended(byte)
        case .quoted:
            if byte == 0x22 { return .afterValue }
            if byte == 0x5C { return .escaped }
            return ByteClass.of(byte) & ByteClass.value != 0 ? .quoted : nil
        case .escaped: return ByteClass.of(byte) & ByteClass.value != 0 ? .quoted : nil
        case .afterValue: return isBlank ? .beforeSemicolon : ended(byte)
        case .size, .lineFeed: return nil
        }
    }

    /// The extension ends here: another one or the line end follows.
    private func ended(_ byte: UInt8) -> State? {
        byte == 0x3B ? .beforeName : byte == 0x0D ? .lineFeed : nil
    }
}
