// The purge tags of an answer as they are stored: hashes, in an order that tells which field each comes from.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

/// Hashes of the purge tags of one answer: those of Surrogate-Key; the host, which is one too, and for a variant its
/// URL; those of Cache-Tag; behind the host once more, groups. The fields themselves may be stored nowhere, and an
/// answer that renews this one replaces the tags of the fields that it has.
struct TagSet {
    var hashes: InlineArray<65, UInt64> = InlineArray(repeating: 0)
    var count = 0
    var overflowed = false
    private let host: UInt64
    private var hasGroups = false

    /// Of something that has only its host.
    init(host: UInt64) {
        self.host = host
        add(host)
    }

    /// The tags of an answer. `stored`: the object that it renews; of fields that the answer does not have the stored
    /// tags stay (RFC 9111 section 3.2).
    init(
        host: UInt64, url: UInt64?, _ answer: RawSpan, _ fields: borrowing FieldTable, _ keyHash: KeyHash,
        renewing stored: ItemView?
    ) {
        self.host = host
        var walker = TagWalker.ofAnswer()
        var next = walker.next(bytes: answer, fields: fields)
        for kind in TagWalker.Kind.allCases {
            if kind == .cacheTag {
                add(host)
                // A variant goes stale with its URL.
                if let url { add(url) }
            }
            if let stored, !fields.contains(kind.field) { keep(kind, of: stored, except: url) }
            while let tag = next, tag.kind == kind {
                add(Worker.tagHash(tag, answer, host: host, keyHash), kind)
                next = walker.next(bytes: answer, fields: fields)
            }
        }
    }

    private mutating func keep(_ kind: TagWalker.Kind, of stored: ItemView, except url: UInt64?) {
        var section: UInt8 = 0
        for position in 0..<stored.tagCount {
            let hash = stored.tag(position)
            if hash == host {
                section += 1
            } else if section == kind.rawValue, hash != url {
                add(hash, kind)
            }
        }
    }

    /// A tag that is the host's name is there already.
    private mutating func add(_ hash: UInt64, _ kind: TagWalker.Kind) {
        guard hash != host else { return }
        if kind == .group, !hasGroups {
            hasGroups = true
            add(host)
        }
        add(hash)
    }

    private mutating func add(_ hash: UInt64) {
        guard count < 64 else {
            overflowed = true
            return
        }
        hashes[count] = hash
        count += 1
    }
}

extension Worker {
    /// The answer's tags, with what `stored` has where the answer renews it.
    static func tags(
        _ answer: RawSpan, _ scratch: borrowing Scratch, _ keys: borrowing ExchangeKeys, _ keyHash: KeyHash,
        renewing stored: ItemView? = nil
    ) -> TagSet {
        TagSet(
            host: hostTag(keys, keyHash), url: keys.isVariant ? keys.baseHash : nil, answer, scratch.responseFields,
            keyHash, renewing: stored)
    }

    static func hostTag(_ keys: borrowing ExchangeKeys, _ keyHash: KeyHash) -> UInt64 {
        keyHash.hash(keys.base.slice(keys.key.authority))
    }

    /// A group belongs to its origin (RFC 9875 section 2): its host is part of what is hashed.
    static func tagHash(_ tag: TagWalker.Tag, _ bytes: RawSpan, host: UInt64, _ keyHash: KeyHash) -> UInt64 {
        let hash = keyHash.hash(bytes.slice(tag.text))
        return tag.kind == .group ? hash ^ (host &* 0x9E37_79B9_7F4A_7C15) : hash
    }
}
