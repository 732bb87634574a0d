# One image per service: docker build --target queue-worker -t connectors/queue-worker .
ARG DOTNET=10.0

FROM mcr.microsoft.com/dotnet/sdk:${DOTNET} AS build
WORKDIR /src
COPY . .
RUN for project in gateway/Gateway/Gateway gateway/Cli/Cli queue-worker/QueueWorker connectors/cron/CronConnector connectors/kafka/KafkaConnector connectors/sqs/SqsConnector; do \
      dotnet publish "$project.csproj" -c Release -p:PublishReadyToRun=true --use-current-runtime --self-contained false -o "/out/$(basename "$project")" || exit 1; \
    done

# tzdata and ICU come with the -extra variant; cron schedules need the former.
FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET}-noble-chiseled-extra AS service
WORKDIR /app
ENV bind_address=0.0.0.0 DOTNET_gcServer=0
USER 10001
EXPOSE 8081

FROM service AS queue-worker
COPY --from=build /out/QueueWorker .
ENTRYPOINT ["dotnet", "QueueWorker.dll"]

FROM service AS cron-connector
COPY --from=build /out/CronConnector .
ENTRYPOINT ["dotnet", "CronConnector.dll"]

FROM service AS kafka-connector
COPY --from=build /out/KafkaConnector .
ENTRYPOINT ["dotnet", "KafkaConnector.dll"]

FROM service AS sqs-connector
COPY --from=build /out/SqsConnector .
ENTRYPOINT ["dotnet", "SqsConnector.dll"]

# docker run --rm connectors/command list --gateway http://gateway:8080
FROM mcr.microsoft.com/dotnet/runtime:${DOTNET}-noble-chiseled AS command
WORKDIR /app
USER 10001
COPY --from=build /out/Cli .
ENTRYPOINT ["dotnet", "connectors.dll"]

# The embedded provider forks functions, which want a shell; with a remote provider this image needs none of it.
FROM mcr.microsoft.com/dotnet/aspnet:${DOTNET} AS gateway
WORKDIR /app
ENV bind_address=0.0.0.0
RUN mkdir -p /var/lib/connectors && chown 10001:10001 /var/lib/connectors
USER 10001
EXPOSE 8080 8082
COPY --from=build /out/Gateway .
COPY --from=build /src/samples/functions ./samples
ENTRYPOINT ["dotnet", "Gateway.dll"]
