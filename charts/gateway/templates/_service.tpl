{{- define "connectors.component" -}}gateway{{- end -}}

{{- define "connectors.kedaTriggers" -}}
{{- include "connectors.prometheusTrigger" (dict "root" . "query" "sum(gateway_function_invocation_inflight)") -}}
{{- end -}}

{{/* A setting of the gateway: under "gateway" as in the openfaas chart, else at the top. */}}
{{- define "connectors.setting" -}}
{{- if hasKey .root.Values.gateway .name -}}
{{ index .root.Values.gateway .name }}
{{- else -}}
{{ index .root.Values .name }}
{{- end -}}
{{- end -}}

{{- define "connectors.natsHost" -}}
{{- if .Values.nats.development.enabled -}}
{{ include "connectors.fullname" . }}-nats
{{- else if .Values.nats.external.enabled -}}
{{ required "nats.external.host is needed with nats.external.enabled" .Values.nats.external.host }}
{{- else -}}
{{ .Values.nats.host }}
{{- end -}}
{{- end -}}

{{- define "connectors.env" -}}
- name: port
  value: {{ .Values.port | quote }}
{{- if .Values.functionsProviderUrl }}
- name: functions_provider_url
  value: {{ .Values.functionsProviderUrl | quote }}
{{- else }}
- name: functions_path
  value: /etc/connectors/functions.yaml
- name: data_path
  value: /var/lib/connectors
{{- end }}
{{- with .Values.gateway.logsProviderURL }}
- name: logs_provider_url
  value: {{ . | quote }}
{{- end }}
- name: function_namespace
  value: {{ .Values.functionNamespace | quote }}
- name: basic_auth
  value: {{ .Values.basic_auth | quote }}
- name: secret_mount_path
  value: /var/secrets
- name: read_timeout
  value: {{ include "connectors.setting" (dict "root" . "name" "readTimeout") | quote }}
- name: write_timeout
  value: {{ include "connectors.setting" (dict "root" . "name" "writeTimeout") | quote }}
- name: upstream_timeout
  value: {{ include "connectors.setting" (dict "root" . "name" "upstreamTimeout") | quote }}
- name: max_upstream_timeout
  value: {{ .Values.maxUpstreamTimeout | quote }}
- name: scale_from_zero
  value: {{ include "connectors.setting" (dict "root" . "name" "scaleFromZero") | quote }}
- name: max_idle_conns
  value: {{ include "connectors.setting" (dict "root" . "name" "maxIdleConns") | quote }}
- name: max_idle_conns_per_host
  value: {{ include "connectors.setting" (dict "root" . "name" "maxIdleConnsPerHost") | quote }}
- name: max_body_bytes
  value: {{ .Values.maxBodyBytes | int64 | quote }}
{{- if .Values.async }}
- name: faas_nats_address
  value: {{ include "connectors.natsHost" . | quote }}
- name: faas_nats_port
  value: {{ (and .Values.nats.external.enabled .Values.nats.external.port) | default .Values.nats.port | quote }}
- name: faas_nats_channel
  value: {{ .Values.nats.channel | quote }}
{{- include "connectors.natsAccessEnv" . | trim | nindent 0 }}
- name: nats_stream_replicas
  value: {{ .Values.nats.streamReplication | quote }}
- name: nats_stream_storage
  value: {{ .Values.nats.storage | quote }}
- name: nats_max_bytes
  value: {{ .Values.nats.maxBytes | int64 | quote }}
- name: nats_max_msgs
  value: {{ .Values.nats.maxMsgs | int64 | quote }}
- name: nats_publish_timeout
  value: {{ .Values.nats.publishTimeout | quote }}
{{- end }}
{{- with .Values.otlpEndpoint }}
- name: OTEL_EXPORTER_OTLP_ENDPOINT
  value: {{ . | quote }}
{{- end }}
{{- end -}}

{{- define "connectors.secrets" -}}
{{- list (ternary .Values.basicAuthSecret "" .Values.basic_auth) .Values.nats.auth.secret .Values.nats.tls.secret | compact | uniq | toJson -}}
{{- end -}}

{{- define "connectors.volumeMounts" -}}
{{- if include "connectors.secrets" . | fromJsonArray }}
- name: secrets
  mountPath: /var/secrets
  readOnly: true
{{- end }}
{{- if not .Values.functionsProviderUrl }}
- name: functions
  mountPath: /etc/connectors
  readOnly: true
- name: data
  mountPath: /var/lib/connectors
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
{{- if not .Values.functionsProviderUrl }}
- name: functions
  configMap:
    name: {{ include "connectors.fullname" . }}-functions
- name: data
  {{- if .Values.persistence.enabled }}
  persistentVolumeClaim:
    claimName: {{ include "connectors.fullname" . }}
  {{- else }}
  emptyDir: {}
  {{- end }}
{{- end }}
{{- end -}}
