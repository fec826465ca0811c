// Finding the encoded form of a stored object that fits a request. The object itself has been looked up before and may
// be used: its form is only another way to send the same.

internal import CachePolicy
internal import HTTPMessage
internal import ShmCache

enum EncodedForm {
    /// The best form that the client accepts and the cache has, made of this very commit of the object. Nil where it
    /// must be sent as it is stored. Objects that are not popular have none: for them nothing is looked up. The janitor
    /// is told what the client would have liked best.
    @_lifetime(borrow lane)
    static func find(
        of view: borrowing ItemView, _ stored: borrowing StoredHead, hash: UInt64, _ lane: borrowing Lane,
        _ request: borrowing RequestBuffer, _ settings: borrowing WorkerSettings
    ) -> ItemView? {
        guard view.isPopular, stored.mayBeEncoded(length: UInt64(view.bodyLength), settings: settings.policy),
            allowsTransforming(request)
        else { return nil }
        let order = CodingOrder(
            accepting: request.fields, bytes: request.bytes.readable, offered: settings.policy.encodedCodings)
        let keyHash = lane.keyHash
        for index in 0..<order.count {
            let key = EncodedKey(order[index], of: hash)
            guard let found = lane.lookup(hash: keyHash.hash(key.bytes), key: key.bytes), !found.isPassMarker,
                belongs(found, to: view, order[index])
            else {
                if index == 0 { lane.noteWantedForms(UInt64(CodingSet(order[0]).rawValue)) }
                continue
            }
            return found
        }
        return nil
    }

    /// Whether it is a form of that very commit of the object, in that coding.
    static func belongs(_ form: borrowing ItemView, to view: borrowing ItemView, _ coding: ContentCoding) -> Bool {
        EncodedHead(form.header)
            == EncodedHead(coding: coding, stamp: view.stamp, length: UInt64(view.bodyLength))
    }

    /// In which coding a form is.
    static func coding(of form: borrowing ItemView) -> ContentCoding { EncodedHead(form.header)?.coding ?? .identity }

    /// Ranges are those of the object as it is stored.
    private static func allowsTransforming(_ request: borrowing RequestBuffer) -> Bool {
        let method = request.head.method
        guard method == .get || method == .head, !request.fields.contains(.range) else { return false }
        guard request.fields.contains(.cacheControl) else { return true }
        return !RequestDirectives(bytes: request.bytes.readable, fields: request.fields).noTransform
    }
}
