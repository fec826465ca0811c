#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

// What OpenSSL offers as macros only.
static inline SSL_CTX *martlet_tls_context(void) {
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    if (!context) return NULL;
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(
        context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    return context;
}

static inline long martlet_tls_server_name(SSL *stream, const char *name) {
    return SSL_set_tlsext_host_name(stream, name);
}

// 1 when the name is an address and was set as such.
static inline int martlet_tls_expect_address(SSL *stream, const char *text) {
    return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream), text);
}
