{{- define "connectors.component" -}}cron-connector{{- end -}}

{{- define "connectors.kedaTriggers" -}}
{{- fail "keda.enabled: schedules have no backlog to scale by" -}}
{{- end -}}

{{- define "connectors.env" -}}
{{- if not .Values.nats.host }}
{{- if gt (int .Values.replicas) 1 }}
{{- fail "replicas: more than one needs nats.host, or every schedule fires once in each" }}
{{- end }}
{{- if .Values.autoscaling.enabled }}
{{- fail "autoscaling.enabled: more than one replica needs nats.host, or every schedule fires once in each" }}
{{- end }}
{{- end }}
- name: gateway_url
  value: {{ .Values.gatewayURL | quote }}
- name: basic_auth
  value: {{ .Values.basicAuth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: rebuild_interval
  value: {{ .Values.rebuildInterval | quote }}
- name: asynchronous_invocation
  value: {{ .Values.asyncInvocation | quote }}
- name: content_type
  value: {{ .Values.contentType | quote }}
{{- with .Values.namespaces }}
- name: namespaces
  value: {{ join "," . | quote }}
{{- end }}
{{- with .Values.timezone }}
- name: TZ
  value: {{ . | quote }}
{{- end }}
- name: upstream_timeout
  value: {{ .Values.upstreamTimeout | quote }}
- name: catch_up
  value: {{ .Values.catchUp | quote }}
- name: catch_up_window
  value: {{ .Values.catchUpWindow | quote }}
- name: jitter
  value: {{ .Values.jitter | quote }}
- name: overlap
  value: {{ .Values.overlap | quote }}
{{- if .Values.nats.host }}
- name: nats_host
  value: {{ .Values.nats.host | quote }}
- name: nats_port
  value: {{ .Values.nats.port | quote }}
- name: nats_stream_replicas
  value: {{ .Values.nats.streamReplication | quote }}
{{- include "connectors.natsAccessEnv" . | trim | nindent 0 }}
{{- end }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "connectors.secrets" -}}
{{- list (ternary .Values.basicAuthSecret "" .Values.basicAuth) .Values.nats.auth.secret .Values.nats.tls.secret | compact | uniq | toJson -}}
{{- end -}}

{{- define "connectors.volumeMounts" -}}
{{- if include "connectors.secrets" . | fromJsonArray }}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end }}
{{- end -}}

{{- define "connectors.volumes" -}}
{{- with include "connectors.secrets" . | fromJsonArray }}
- name: secrets
  projected:
    sources:
      {{- range . }}
      - secret:
          name: {{ . }}
      {{- end }}
{{- end }}
{{- end -}}
