// What an unsafe request makes of stored answers (RFC 9111 section 4.4, RFC 9875 section 2.2). Tags are walked in
// Tags.swift.

package import HTTPMessage

/// What to purge after an answer to an unsafe request.
package struct Invalidation: Sendable, Equatable {
    /// The request's own URL.
    package var target = false
    /// Values to give to `CacheKey.write(reference:...)`, which refuses other origins.
    package var location: Extent?
    package var contentLocation: Extent?
    /// There is a Cache-Group-Invalidation field: walk it with `TagWalker.invalidated`.
    package var groups = false

    package init() {}

    /// Nothing is purged.
    package var isEmpty: Bool { !target }

    /// Decides. A non-error answer (2xx, 3xx) to a method that is not known to be safe invalidates; unknown methods
    /// are taken to be unsafe.
    package static func decide(method: Method, status: UInt16, fields: borrowing FieldTable) -> Invalidation {
        var invalidation = Invalidation()
        guard !method.isSafe, status >= 200, status < 400 else { return invalidation }
        invalidation.target = true
        invalidation.location = fields.first(.location)
        invalidation.contentLocation = fields.first(.contentLocation)
        invalidation.groups = fields.contains(.cacheGroupInvalidation)
        return invalidation
    }
}
