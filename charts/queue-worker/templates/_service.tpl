{{- define "connectors.queue-worker.queue" -}}
{{- default .Values.nats.stream.name .Values.queueName -}}
{{- end -}}

{{- define "connectors.queue-worker.kedaTriggers" -}}
{{- if .Values.keda.scalerAddress -}}
- type: external-push
  metadata:
    scalerAddress: {{ .Values.keda.scalerAddress | quote }}
    queueName: {{ include "connectors.queue-worker.queue" . | quote }}
    threshold: {{ include "connectors.text" .Values.keda.threshold | quote }}
  {{- with include "connectors.triggerAuthentication" . }}
  {{- . | nindent 2 }}
  {{- end }}
{{- else -}}
{{- /* Every replica shows the whole queue. */ -}}
{{- $query := printf "max(sum by (instance, pod) (queue_worker_pending_messages{queue_name=%q,%s}))" (include "connectors.queue-worker.queue" .) (include "connectors.alertSelector" .) -}}
{{- include "connectors.prometheusTrigger" (dict "root" . "query" $query "zero" "0 needs keda.scalerAddress") -}}
{{- end -}}
{{- end -}}

{{/* Values of OpenFaaS's chart that are accepted although nothing here listens to them: none is dropped without a word. */}}
{{- define "connectors.queue-worker.withoutEffect" -}}
{{- range $name := list "openfaasPro" "pprof" -}}
{{- if hasKey $.Values $name }}{{ include "connectors.leaves" (dict "path" $name "value" (index $.Values $name)) }}{{ end -}}
{{- end -}}
{{- with .Values.nats.consumer.durableName }}{{ include "connectors.leaves" (dict "path" "nats.consumer.durableName" "value" .) }}{{ end -}}
{{- end -}}

{{- define "connectors.queue-worker.strategy" -}}
{{- toYaml .Values.strategy -}}
{{- end -}}

{{- define "connectors.queue-worker.env" -}}
{{- if ne (include "connectors.longest" (list "1h" .Values.nats.consumer.ackWait)) "1h" -}}
{{- fail (printf "nats.consumer.ackWait: %s is above 1h; it does not bound a call, as upstreamTimeout does, but says how soon a dead worker is noticed" (include "connectors.text" .Values.nats.consumer.ackWait)) -}}
{{- end -}}
- name: queue_name
  value: {{ include "connectors.queue-worker.queue" . | quote }}
- name: scaling_mode
  value: {{ .Values.mode | quote }}
- name: max_inflight
  value: {{ include "connectors.text" .Values.maxInflight | quote }}
- name: limiter_enabled
  value: {{ .Values.adaptiveConcurrency | quote }}
- name: queue_partitions
  value: {{ include "connectors.text" .Values.queuePartitions | quote }}
- name: filter_partition
  value: {{ include "connectors.text" .Values.partition | quote }}
- name: direct_functions
  value: {{ .Values.directFunctions | quote }}
- name: function_url
  value: {{ .Values.functionUrl | quote }}
- name: upstream_timeout
  value: {{ include "connectors.text" .Values.upstreamTimeout | quote }}
- name: max_retry_attempts
  value: {{ include "connectors.text" .Values.maxRetryAttempts | quote }}
- name: initial_retry_wait
  value: {{ include "connectors.text" .Values.initialRetryWait | quote }}
- name: max_retry_wait
  value: {{ include "connectors.text" .Values.maxRetryWait | quote }}
- name: retry_http_codes
  value: {{ .Values.httpRetryCodes | quote }}
- name: backoff
  value: {{ .Values.backoff | quote }}
- name: breaker_failures
  value: {{ include "connectors.text" .Values.breakerFailures | quote }}
- name: breaker_min_wait
  value: {{ include "connectors.text" .Values.breakerMinWait | quote }}
- name: breaker_max_wait
  value: {{ include "connectors.text" .Values.breakerMaxWait | quote }}
- name: gateway_url
  value: {{ printf "%s%s:%v" (ternary "" "http://" (contains "://" .Values.gateway.host)) (trimSuffix "/" .Values.gateway.host) .Values.gateway.port | quote }}
- name: nats_host
  value: {{ .Values.nats.host | quote }}
- name: nats_port
  value: {{ include "connectors.text" .Values.nats.port | quote }}
{{- include "connectors.natsAccessEnv" . | trim | nindent 0 }}
- name: nats_stream_replicas
  value: {{ include "connectors.text" .Values.nats.stream.replicas | quote }}
- name: nats_stream_storage
  value: {{ .Values.nats.stream.storage | quote }}
- name: nats_max_bytes
  value: {{ include "connectors.text" .Values.nats.stream.maxBytes | quote }}
- name: nats_max_msgs
  value: {{ include "connectors.text" .Values.nats.stream.maxMsgs | quote }}
- name: ack_wait
  value: {{ include "connectors.text" .Values.nats.consumer.ackWait | quote }}
- name: consumer_inactive_threshold
  value: {{ include "connectors.text" .Values.consumer.inactiveThreshold | quote }}
{{- with .Values.consumer.pullMaxMessages }}
- name: consumer_pull_max_messages
  value: {{ include "connectors.text" . | quote }}
{{- end }}
- name: tls_insecure
  value: {{ .Values.insecureTLS | quote }}
- name: callback_timeout
  value: {{ include "connectors.text" .Values.callbacks.timeout | quote }}
- name: callback_max_age
  value: {{ include "connectors.text" .Values.callbacks.maxAge | quote }}
- name: allowed_callback_urls
  value: {{ default "none" (join "," (compact (default list .Values.allowedCallbackURLs))) | quote }}
{{- with .Values.callbacks.allow }}
- name: callback_allow
  value: {{ . | quote }}
{{- end }}
- name: callback_private
  value: {{ .Values.callbacks.private | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: history
  value: {{ ternary "on" "off" .Values.history.enabled | quote }}
- name: history_max_age
  value: {{ include "connectors.text" .Values.history.maxAge | quote }}
- name: history_max_bytes
  value: {{ include "connectors.text" .Values.history.maxBytes | quote }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "connectors.queue-worker.secrets" -}}
{{- list .Values.nats.auth.secret .Values.nats.tls.secret .Values.callbacks.secret | compact | uniq | toJson -}}
{{- end -}}

{{- define "connectors.queue-worker.volumeMounts" -}}
{{- if include "connectors.queue-worker.secrets" . | fromJsonArray }}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{- define "connectors.queue-worker.volumes" -}}
{{- with include "connectors.queue-worker.secrets" . | fromJsonArray }}
- name: secrets
  projected:
    sources:
      {{- range . }}
      - secret:
          name: {{ . | quote }}
      {{- end }}
{{- end }}
{{- end -}}
