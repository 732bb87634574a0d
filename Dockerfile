# syntax=docker/dockerfile:1
# One image per service, and only that service is built: docker build --target queue-worker -t connectors/queue-worker .
# Tags of base images move with their patches. To pin them, give digests: --build-arg SDK=mcr.microsoft.com/dotnet/sdk@sha256:… (docs/operations.md).
ARG DOTNET=10.0
ARG SDK=mcr.microsoft.com/dotnet/sdk:${DOTNET}
ARG SERVICE=mcr.microsoft.com/dotnet/aspnet:${DOTNET}-noble-chiseled-extra
ARG COMMAND=mcr.microsoft.com/dotnet/runtime:${DOTNET}-noble-chiseled
ARG GATEWAY=mcr.microsoft.com/dotnet/aspnet:${DOTNET}-noble

# What the packages depend on and nothing else, so that a changed source leaves the restored packages alone. The SDK runs on the machine's own platform and
# compiles for the image's: emulated it does not run.
FROM --platform=$BUILDPLATFORM ${SDK} AS projects
ARG TARGETARCH
ENV NUGET_PACKAGES=/packages
WORKDIR /src
COPY global.json Directory.Build.props Directory.Build.targets Directory.Packages.props BannedSymbols.txt .editorconfig ./
COPY connector-sdk/Sdk/Connectors.Sdk.csproj connector-sdk/Sdk/packages.lock.json connector-sdk/Sdk/
COPY connector-sdk/Streams/Connectors.Streams.csproj connector-sdk/Streams/packages.lock.json connector-sdk/Streams/
COPY gateway/Gateway/Gateway.csproj gateway/Gateway/packages.lock.json gateway/Gateway/
COPY gateway/Provider/Connectors.Provider.csproj gateway/Provider/packages.lock.json gateway/Provider/
COPY gateway/Cli/Cli.csproj gateway/Cli/packages.lock.json gateway/Cli/
COPY queue-worker/QueueWorker.csproj queue-worker/packages.lock.json queue-worker/
COPY connectors/cron/CronConnector.csproj connectors/cron/packages.lock.json connectors/cron/
COPY connectors/kafka/KafkaConnector.csproj connectors/kafka/packages.lock.json connectors/kafka/
COPY connectors/sqs/SqsConnector.csproj connectors/sqs/packages.lock.json connectors/sqs/
COPY connectors/rabbitmq/RabbitMqConnector.csproj connectors/rabbitmq/packages.lock.json connectors/rabbitmq/

# One stage for each service; BuildKit takes only those that the target needs. Restored packages lie in the stage itself and in no cache beside it, which may
# be empty where the restore need not run again.
FROM projects AS build-gateway
RUN dotnet restore gateway/Gateway/Gateway.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish gateway/Gateway/Gateway.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

FROM projects AS build-queue-worker
RUN dotnet restore queue-worker/QueueWorker.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish queue-worker/QueueWorker.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

FROM projects AS build-cron-connector
RUN dotnet restore connectors/cron/CronConnector.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish connectors/cron/CronConnector.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

FROM projects AS build-kafka-connector
RUN dotnet restore connectors/kafka/KafkaConnector.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish connectors/kafka/KafkaConnector.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

FROM projects AS build-sqs-connector
RUN dotnet restore connectors/sqs/SqsConnector.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish connectors/sqs/SqsConnector.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

FROM projects AS build-rabbitmq-connector
RUN dotnet restore connectors/rabbitmq/RabbitMqConnector.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish connectors/rabbitmq/RabbitMqConnector.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

FROM projects AS build-command
RUN dotnet restore gateway/Cli/Cli.csproj -a $TARGETARCH -p:PublishReadyToRun=true
COPY . .
RUN dotnet publish gateway/Cli/Cli.csproj --no-restore -a $TARGETARCH -p:PublishReadyToRun=true --self-contained false -o /out

# Neither shell nor package manager. The -extra variant brings tzdata and ICU; cron schedules need the former.
FROM ${SERVICE} AS service
ARG VERSION=0.1.0
LABEL org.opencontainers.image.vendor="Connectors" org.opencontainers.image.licenses="MIT" org.opencontainers.image.version="${VERSION}"
WORKDIR /app
ENV bind_address=*
USER 10001
EXPOSE 8081

FROM service AS queue-worker
LABEL org.opencontainers.image.title="queue-worker" org.opencontainers.image.description="The calls of one queue: leases, retries, callbacks, dead letters"
COPY --from=build-queue-worker /out .
ENTRYPOINT ["dotnet", "QueueWorker.dll"]

FROM service AS cron-connector
LABEL org.opencontainers.image.title="cron-connector" org.opencontainers.image.description="Functions on schedules"
COPY --from=build-cron-connector /out .
ENTRYPOINT ["dotnet", "CronConnector.dll"]

FROM service AS kafka-connector
LABEL org.opencontainers.image.title="kafka-connector" org.opencontainers.image.description="Functions on the records of Kafka topics"
COPY --from=build-kafka-connector /out .
ENTRYPOINT ["dotnet", "KafkaConnector.dll"]

FROM service AS sqs-connector
LABEL org.opencontainers.image.title="sqs-connector" org.opencontainers.image.description="Functions on the messages of SQS queues"
COPY --from=build-sqs-connector /out .
ENTRYPOINT ["dotnet", "SqsConnector.dll"]

FROM service AS rabbitmq-connector
LABEL org.opencontainers.image.title="rabbitmq-connector" org.opencontainers.image.description="Functions on the messages of RabbitMQ queues"
COPY --from=build-rabbitmq-connector /out .
ENTRYPOINT ["dotnet", "RabbitMqConnector.dll"]

# docker run --rm connectors/command list --gateway http://gateway:8080
FROM ${COMMAND} AS command
ARG VERSION=0.1.0
LABEL org.opencontainers.image.vendor="Connectors" org.opencontainers.image.licenses="MIT" org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.title="connectors" org.opencontainers.image.description="Queues, dead letters, redrives and calls from a shell"
WORKDIR /app
USER 10001
COPY --from=build-command /out .
ENTRYPOINT ["dotnet", "connectors.dll"]

# The embedded provider forks functions, which want a shell and somebody who reaps what they leave behind: tini is process 1.
FROM ${GATEWAY} AS gateway
ARG VERSION=0.1.0
LABEL org.opencontainers.image.vendor="Connectors" org.opencontainers.image.licenses="MIT" org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.title="gateway" org.opencontainers.image.description="HTTP front of the functions: synchronous calls, asynchronous ones, deploy API"
RUN apt-get update && apt-get install -y --no-install-recommends tini util-linux && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /var/lib/connectors && chown 10001:10001 /var/lib/connectors
WORKDIR /app
ENV bind_address=*
USER 10001
EXPOSE 8080 8082
COPY --from=build-gateway /out .
COPY samples/functions ./samples
ENTRYPOINT ["tini", "--", "dotnet", "Gateway.dll"]
