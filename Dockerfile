# The server in an image with nothing else: no shell, no root, no package manager.
#
#   docker build -t oxidometer .        (or: buildah bud --format docker -t oxidometer .)
#   docker run --rm oxidometer version
#
# deploy/compose.yaml shows how to run it. The build needs Go as go.mod says, in GO_IMAGE.
ARG GO_IMAGE=golang:1.26-bookworm

FROM ${GO_IMAGE} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY cmd cmd
COPY bot bot
COPY config config
COPY sizediff sizediff
ARG TARGETOS
ARG TARGETARCH
RUN CGO_ENABLED=0 GOOS=${TARGETOS} GOARCH=${TARGETARCH} go build -trimpath -buildvcs=false -ldflags='-s -w' -o /out/oxidometer ./cmd/oxidometer
# An image from scratch has no folders. Two are written to: the database's, and one for artifacts while they are measured.
RUN mkdir -p /out/etc/ssl/certs /out/var/lib/oxidometer /out/var/cache/oxidometer && \
    cp /etc/ssl/certs/ca-certificates.crt /out/etc/ssl/certs/ && \
    chown -R 65532:65532 /out/var/lib/oxidometer /out/var/cache/oxidometer

FROM scratch
COPY --from=build /out/ /
USER 65532:65532
ENV TMPDIR=/var/cache/oxidometer \
    OXIDOMETER_LISTEN=:8080 \
    OXIDOMETER_DATABASE=sqlite:/var/lib/oxidometer/oxidometer.db \
    OXIDOMETER_LOG_FORMAT=json
VOLUME ["/var/lib/oxidometer", "/var/cache/oxidometer"]
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=6s --start-period=20s CMD ["/oxidometer", "healthcheck"]
ENTRYPOINT ["/oxidometer"]
CMD ["serve"]
