# Sluice in a container.
#
#     docker build -t sluice .
#     docker run --rm -p 8080:8080 --read-only sluice
#
# The image must be small, run as nobody in particular, and need no place to write to. So it is made from nothing: the
# binary, the shared libraries that it names (libcares, libstdc++, libgcc, libm, libc and the loader), a site, a configuration.
# That is about 13 MiB, of which 6 are OpenSSL; the same binary on debian:12-slim, with libstdc++ linked into it, is about 77 MiB, of which all
# but 3 are a shell, apt and perl: nothing that a server needs, and everything that an intruder would like to find.
#
# The one place written to is the control socket, in /dev/shm: every container engine gives that, even with a root file
# system that is read-only. tests/e2e/test_container.py builds and starts this file as it is.
ARG BASE=debian:12-slim

FROM ${BASE} AS build
# The packages of BUILD in ./dev; a test holds both lists equal.
RUN apt-get update && apt-get install -y --no-install-recommends \
      g++ cmake ninja-build node-llhttp libcli11-dev libtomlplusplus-dev nlohmann-json3-dev libxxhash-dev libssl-dev libnghttp2-dev libc-ares-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cmake --preset release -DSLUICE_TESTS=OFF && cmake --build build/release --target sluice
# What the final image holds, under /image: readable by every user, whatever the modes of the sources are.
RUN install -D --strip build/release/sluice /image/usr/bin/sluice \
    && ldd build/release/sluice | grep -o '/[^ ]*' | xargs cp --parents --dereference --target-directory=/image \
    && install -D conf/container.toml /image/etc/sluice/sluice.toml \
    && echo 'sluice:x:65532:65532:Sluice:/srv:/' >/image/etc/passwd \
    && echo 'sluice:x:65532:' >/image/etc/group \
    && cp --recursive server/welcome /image/srv \
    && chmod --recursive u=rwX,go=rX /image && /image/usr/bin/sluice --version

FROM scratch
LABEL org.opencontainers.image.title="Sluice" \
      org.opencontainers.image.description="An HTTP server in C++20 on raw epoll; serves /srv on port 8080"
COPY --from=build /image/ /
ENV SLUICE_CONTROL=/dev/shm/sluice.sock
# By number, so that an engine told to refuse root can see that this is not root.
USER 65532:65532
WORKDIR /srv
EXPOSE 8080
# SIGTERM drains: running responses finish, within 8 s (the limit first_process_shutdown_timeout), because engines kill
# after 10.
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=2s \
    CMD ["/usr/bin/sluice", "health", "-c", "/etc/sluice/sluice.toml"]
ENTRYPOINT ["/usr/bin/sluice"]
# By name: a sluice.toml that lies among the pages of /srv configures nothing.
CMD ["run", "-c", "/etc/sluice/sluice.toml"]
