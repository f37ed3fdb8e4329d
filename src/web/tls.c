/* Certificate and key, looked at before the server takes them: its library would not say what is
 * wrong with them.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls.h"

#include <errno.h>
#include <fcntl.h>
#include <ja/core/log.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Opens a regular file; a key's may be read by its owner and group alone. NULL and errno, or a
 * sentence in `why`. */
static FILE *open_file(const char *path, bool is_key, const char **why) {
    struct stat about;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    *why = NULL;
    if (fd < 0 || fstat(fd, &about) != 0)
        *why = strerror(errno);
    else if (!S_ISREG(about.st_mode))
        *why = "it is not a regular file";
    else if (is_key && (about.st_mode & (S_IWGRP | S_IXGRP | S_IRWXO)))
        *why = "others than its owner and group may read it, or others than its owner change it "
               "(chmod 600)";
    FILE *file = *why ? NULL : fdopen(fd, "r");
    if (!file && !*why)
        *why = strerror(errno);
    if (!file && fd >= 0)
        close(fd);
    return file;
}

/* A key with a passphrase is none: nobody may be there to be asked. */
static int no_passphrase(char *buffer, int size, int writing, void *data) {
    (void)buffer, (void)size, (void)writing, (void)data;
    return -1;
}

static X509 *read_certificate(const char *path, const char **why) {
    FILE *file = open_file(path, false, why);
    X509 *certificate = file ? PEM_read_X509(file, NULL, no_passphrase, NULL) : NULL;
    if (file)
        fclose(file);
    if (file && !certificate)
        *why = "it holds no certificate in PEM format";
    return certificate;
}

static EVP_PKEY *read_key(const char *path, const char **why) {
    FILE *file = open_file(path, true, why);
    EVP_PKEY *key = file ? PEM_read_PrivateKey(file, NULL, no_passphrase, NULL) : NULL;
    if (file)
        fclose(file);
    if (file && !key)
        *why = "it holds no private key in PEM format without a passphrase";
    return key;
}

static enum ja_status refuse(const char *module, const char *option, const char *path,
                             const char *why, struct ja_error *error) {
    return ja_fail(error, JA_USAGE, "%s.%s: \"%.200s\": %s", module, option, path, why);
}

enum ja_status ja_tls_check(const char *module, const char *cert, const char *key,
                            struct ja_error *error) {
    const char *cert_why, *key_why;
    enum ja_status status = JA_OK;
    if (!cert[0] || !key[0])
        return ja_fail(error, JA_USAGE, "%s.cert and %s.key: both or neither; %s.%s is empty",
                       module, module, module, cert[0] ? "key" : "cert");
    X509 *certificate = read_certificate(cert, &cert_why);
    EVP_PKEY *private_key = read_key(key, &key_why);
    if (!certificate)
        status = refuse(module, "cert", cert, cert_why, error);
    else if (!private_key)
        status = refuse(module, "key", key, key_why, error);
    else if (X509_check_private_key(certificate, private_key) != 1)
        status = refuse(module, "key", key, "it is not the key of the certificate", error);
    else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) < 0)
        ja_log(JA_LOG_WARNING, "%s.cert: \"%s\": it has run out, browsers will refuse it", module,
               cert);
    X509_free(certificate);
    EVP_PKEY_free(private_key);
    ERR_clear_error();
    return status;
}
