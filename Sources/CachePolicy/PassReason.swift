// Every reason not to store an answer, as an enum and as the text that explains it to the client.

/// Why an answer is not stored; the text goes into `Cache-Status` as `detail`.
package enum PassReason: UInt8, Sendable, CaseIterable {
    /// The method is not GET (HEAD answers update stored objects but are not stored).
    case method
    /// 1xx, 101 or 304.
    case statusNotFinal
    /// 206: a part is relayed.
    case partialContent
    /// `must-understand` with a status that this cache has no rules for (section 5.2.2.3).
    case statusNotUnderstood
    /// The request said `no-store`.
    case requestNoStore
    /// The answer said `no-store`.
    case noStore
    /// The answer said `private`.
    case privateResponse
    /// The request had Authorization and the answer does not allow sharing (section 3.5).
    case authorization
    /// Set-Cookie without `public` or `s-maxage`.
    case setCookie
    /// `Vary: *`.
    case varyStar
    /// `Vary` names the field in which the node tells the origin the client's address.
    case varyOnClient
    /// `Vary` names a field of the client's that the origin did not get; now that it is known to matter, it will.
    case varyOnWithheld
    /// Too many fields in Vary, or names too long.
    case varyTooComplex
    /// No explicit freshness, and the status is not heuristically cacheable.
    case noFreshness
    /// Neither fresh, nor with a validator, nor with a stale window: it could never be used.
    case neverUsable
    /// The path promises a static file and the content type says page or API.
    case deception
    /// The head does not fit the stored form.
    case headTooLarge
    /// The body is longer than the cache takes.
    case bodyTooLarge
    /// A large body, seen for the first time by a full cache: the next one is stored.
    case firstSight
    /// The cache had no room for the answer while it came.
    case noRoom
    /// The key was in motion: somebody else was storing under it, or it was purged while the origin was at its answer.
    case busy
    /// Another request's fetch was waited for, and its answer could not be used for this one.
    case notShared

    /// Whether it lies in one request and its answer rather than in the resource: what is stored of it stays.
    package var isAboutOneExchange: Bool {
        switch self {
        case .requestNoStore, .authorization, .setCookie: true
        default: false
        }
    }

    /// What `detail=` says.
    package var detail: StaticString {
        switch self {
        case .method: "method"
        case .statusNotFinal: "status"
        case .partialContent: "partial-content"
        case .statusNotUnderstood: "must-understand"
        case .requestNoStore: "request-no-store"
        case .noStore: "no-store"
        case .privateResponse: "private"
        case .authorization: "authorization"
        case .setCookie: "set-cookie"
        case .varyStar: "vary-star"
        case .varyOnClient: "vary-on-client"
        case .varyOnWithheld: "vary-on-withheld"
        case .varyTooComplex: "vary-too-complex"
        case .noFreshness: "no-freshness"
        case .neverUsable: "not-fresh"
        case .deception: "extension-mismatch"
        case .headTooLarge: "head-too-large"
        case .bodyTooLarge: "body-too-large"
        case .firstSight: "first-sight"
        case .noRoom: "no-room"
        case .busy: "busy"
        case .notShared: "not-shared"
        }
    }
}
